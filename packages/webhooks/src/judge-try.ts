import { retryAfterMs } from "./retry-after.ts"
import { pauseBeforeNextTry, type Schedule } from "./schedule.ts"
import type { Answer } from "./send.ts"

/** What follows a try; `restMs` is for how long the whole endpoint is to be left alone. */
export type Verdict =
  | { kind: "delivered" }
  | { kind: "again"; inMs: number; restMs: number }
  | { kind: "exhausted"; restMs: number }
  /** 410: the receiver wants nothing more. */
  | { kind: "gone" }

type Facts = {
  /** Tries of the delivery that failed before this one. */
  failedBefore: number
  schedule: Schedule
  now: Date
  /** 0 to 1. */
  random: () => number
}

/** Answers that speak of the receiver, and not of this one message. */
const throttling = new Set([429, 502, 503, 504])
const usualRestMs = 5_000

/** What an answer means: 2xx is success and nothing else is, redirects included. */
export function judgeTry(answer: Answer, { failedBefore, schedule, now, random }: Facts): Verdict {
  const status = answer.kind === "answered" ? answer.status : undefined
  if (status !== undefined && status >= 200 && status < 300) return { kind: "delivered" }
  if (status === 410) return { kind: "gone" }
  const asked = answer.kind === "answered" ? retryAfterMs(answer.retryAfter, now) : undefined
  const inMs = pauseBeforeNextTry({ schedule, random, failed: failedBefore + 1, retryAfterMs: asked })
  const restMs = restOf(status, asked)
  return inMs === undefined ? { kind: "exhausted", restMs } : { kind: "again", inMs, restMs }
}

function restOf(status: number | undefined, askedMs: number | undefined): number {
  if (status === undefined || !throttling.has(status)) return 0
  return askedMs ?? (status === 429 ? usualRestMs : 0)
}
