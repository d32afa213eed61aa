const seldomMs = 5_000

/** Tells of the first of many errors in a row. */
export function seldom(tell: (error: Error) => void): (error: Error) => void {
  let toldAt = 0
  return (error) => {
    if (Date.now() - toldAt > seldomMs) tell(error)
    toldAt = Date.now()
  }
}
