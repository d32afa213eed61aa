/** A job that is to be given to the queue; each handing over of the same job has its own turn. */
export type Handover = { id: string; turn: number }

/** Ids and turns in one flat list, as the scripts answer them. */
export function handovers(flat: readonly (string | number)[]): Handover[] {
  const pairs: Handover[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push({ id: String(flat[i]), turn: Number(flat[i + 1]) })
  return pairs
}
