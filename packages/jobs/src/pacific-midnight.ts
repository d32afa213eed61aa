const clock = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/Los_Angeles",
  hourCycle: "h23",
  hour: "numeric",
  minute: "numeric",
  second: "numeric",
})

const minuteMs = 60_000
const hourMs = 60 * minuteMs

const pacificTimeOfDay = (time: Date): number => {
  const parts = Object.fromEntries(clock.formatToParts(time).map(({ type, value }) => [type, Number(value)]))
  return ((parts["hour"] ?? 0) * 60 + (parts["minute"] ?? 0)) * minuteMs + (parts["second"] ?? 0) * 1_000
}

/** When the upstream's daily quotas start anew: the next midnight in Los Angeles, summer time included. */
export function nextPacificMidnight(now: Date): Date {
  const sinceMidnight = pacificTimeOfDay(now) + (now.getTime() % 1_000)
  const guess = now.getTime() - sinceMidnight + 24 * hourMs
  // On the two days that have 23 or 25 hours the guess lands an hour beside midnight.
  const off = pacificTimeOfDay(new Date(guess))
  const correction = off === 0 ? 0 : off < 12 * hourMs ? -off : 24 * hourMs - off
  return new Date(guess + correction)
}
