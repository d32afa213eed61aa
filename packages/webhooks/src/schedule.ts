import { z } from "zod"

const mostTries = 50
const longestPauseSeconds = 7 * 24 * 3_600
const jitter = 0.1

/** Seconds before each try: the first is the wait before the first try, which is usually none. */
export type Schedule = readonly number[]

/** The tries of the Standard Webhooks specification: ten over three days. */
export const usualSchedule = "0,5,300,1800,7200,18000,36000,50400,72000,86400"

/** Reads a schedule from the environment: seconds, separated by commas. */
export const ScheduleText = z
  .string()
  .default(usualSchedule)
  .transform((text) => text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part))))
  .refine(
    (pauses) =>
      pauses.length <= mostTries && pauses.every((pause) => pause >= 0 && pause <= longestPauseSeconds),
    `must be 1 to ${mostTries} numbers of seconds, separated by commas`,
  )

type Tries = {
  schedule: Schedule
  /** Tries that have failed, this one included. */
  failed: number
  /** What the receiver asked for. */
  retryAfterMs?: number | undefined
  /** 0 to 1. */
  random: () => number
}

/** Milliseconds from a failed try to the next one, spread by a tenth to both sides; undefined when there is none. */
export function pauseBeforeNextTry({
  schedule,
  failed,
  retryAfterMs = 0,
  random,
}: Tries): number | undefined {
  const seconds = schedule[failed]
  if (seconds === undefined) return undefined
  const spread = 1 + jitter * (2 * random() - 1)
  return Math.round(Math.max(seconds * 1_000 * spread, retryAfterMs))
}
