/** Calls that a window allows, by the milliseconds since the start. */
export type LimitAt = (ms: number) => number

/**
 * The least time in which so many calls can be sent to an upstream whose window slides: each goes as soon as the
 * calls of the last window leave room. Nobody who does not know the future of the limit can do better.
 */
export function shortestMs(
  calls: number,
  { windowMs, limitAt }: { windowMs: number; limitAt: LimitAt },
): number {
  const stepMs = 10
  const sent: number[] = []
  for (let now = 0; ; now += stepMs) {
    const recent = sent.filter((at) => at > now - windowMs).length
    for (let free = limitAt(now) - recent; free > 0; free--) {
      sent.push(now)
      if (sent.length >= calls) return now
    }
  }
}
