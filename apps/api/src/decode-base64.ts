const dataUri = /^data:[^,]{0,200};base64,/i

/** The bytes of base64 or of a data URI; undefined for what is neither. Line breaks may stand in it. */
export function decodeBase64(text: string): Buffer | undefined {
  const head = dataUri.exec(text.slice(0, 256))?.[0] ?? ""
  const base64 = text.slice(head.length).replaceAll(/[\r\n]+/g, "")
  const letters = base64.replace(/={1,2}$/, "")
  if (letters === "" || letters.length % 4 === 1 || !/^[A-Za-z0-9+/]+$/.test(letters)) return undefined
  return Buffer.from(letters, "base64")
}
