/**
 * The job of a batch's item has an id that follows from the batch's: the same time, the item's number in the digits
 * after the version and after the variant, and the batch's own random digits. So items sort by their number, and
 * no table says which job is which item.
 */
export function itemJobId(batch: string, index: number): string {
  if (!Number.isInteger(index) || index < 0 || index >= 2 ** 20) throw new RangeError(`No item ${index}`)
  const digits = batch.slice(4)
  const number = index.toString(16).padStart(5, "0")
  return `job_${digits.slice(0, 12)}7${number.slice(0, 3)}${digits[16]}${number.slice(3)}${digits.slice(19)}`
}

/** The number of an item by the id of its job. */
export const itemIndexOf = (job: string): number => Number.parseInt(job.slice(17, 20) + job.slice(21, 23), 16)
