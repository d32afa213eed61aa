/** Leaves room for a bucket's prefix and the tenant's name within the 1 024 bytes of S3. */
const mostBytes = 900

/** Whether a text is a plain name of an object: it can lead nowhere else, on a disk or in a bucket. */
export function isObjectName(name: string): boolean {
  if (name === "" || new TextEncoder().encode(name).length > mostBytes) return false
  // oxlint-disable-next-line no-control-regex -- those are what is refused
  if (/[\u0000-\u001f\u007f\\]/.test(name) || !name.isWellFormed()) return false
  return name.split("/").every((part) => part !== "" && part !== "." && part !== "..")
}
