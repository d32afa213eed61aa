/** The emulator's idea of now: real time, plus what a test has added to it. */
export type Clock = { now(): number; advance(ms: number): void }

/** Makes a clock; advancing it ages uploaded files and quota windows without waiting. */
export function createClock(): Clock {
  let aheadMs = 0
  return {
    now: () => Date.now() + aheadMs,
    advance(ms) {
      aheadMs += ms
    },
  }
}
