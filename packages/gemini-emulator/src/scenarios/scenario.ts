import type { AnswerMaker } from "../generate/answer-maker.ts"
import type { Answer } from "../generate/answer.ts"
import type { Look } from "../generate/painter.ts"
import type { GoogleError } from "../google-error.ts"

/** An answer as raw HTTP: what a front end sends in place of the API. */
export type Reply = { status: number; contentType: string; body: string }

/** What a refusal may look at; `attempt` counts the calls with the same prompt and key, from 1. */
export type RefusedCall = {
  argument: string | undefined
  model: string
  version: string
  method: string
  attempt: () => number
}

/** How an answer travels: late, rewritten, or not to its end. */
export type Wire = {
  delayMs?: number
  ending?: "hang" | "cut" | "cut_body" | "error"
  rewrite?: (json: string) => string
}

/** A way in which the upstream misbehaves on request. */
export type Scenario = {
  name: string
  description: string
  /** What may follow the name after a colon. */
  argument?: string
  refuse?(call: RefusedCall): GoogleError | Reply | undefined
  look?: Look
  compose?(maker: AnswerMaker, argument: string | undefined): Promise<Answer> | Answer
  wire?(argument: string | undefined): Wire
}

/** The number that an argument gives, or the one that holds without it. */
export function numberOf(argument: string | undefined, standard: number): number {
  const number = Number(argument)
  return argument === undefined || argument === "" || !Number.isFinite(number) ? standard : number
}
