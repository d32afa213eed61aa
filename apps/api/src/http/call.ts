import { Refusal, type ApiKey } from "@kiln/contract"
import type { Response } from "express"

import type { SentForm } from "./read-form.ts"

/** Who calls: the key, its secret while the request lasts, and its tenant's own pace where it has one. */
export type Caller = { key: ApiKey; token: string; requestsPerMinute: number | null }

/** What is known of a request beside its own content. */
export type Call = {
  requestId: string
  traceId: string | undefined
  startedAt: number
  caller: Caller | undefined
  /** Where the body was a form. */
  form: SentForm | undefined
}

export function beginCall(res: Response, ids: Pick<Call, "requestId" | "traceId">): Call {
  const call: Call = { ...ids, startedAt: performance.now(), caller: undefined, form: undefined }
  res.locals["call"] = call
  return call
}

/** Express types its locals loosely; `beginCall`, the first middleware of all, has put this there. */
export const callOf = (res: Response): Call => res.locals["call"] as Call

/** The caller of an operation that has a scope. */
export function callerOf(res: Response): Caller {
  const { caller } = callOf(res)
  if (!caller) throw new Refusal("unauthorized", "This needs an API key: `Authorization: Bearer kiln_sk_…`")
  return caller
}
