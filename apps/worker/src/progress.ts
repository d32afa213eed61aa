/** What a worker has taken of the queue, and for how long it has taken nothing of what it could. */
export function createProgress() {
  let taken = 0
  let takenAt: number | undefined
  let starvedMs = 0
  return {
    took(): void {
      taken += 1
      takenAt = Date.now()
    },
    taken: (): number => taken,
    lastTakenAt: (): number | undefined => takenAt,
    starve: (ms: number): void => void (starvedMs = ms),
    starvedMs: (): number => starvedMs,
  }
}
export type Progress = ReturnType<typeof createProgress>
