import { refusals, type Problem, type Refusal } from "@kiln/contract"
import type { Logger } from "@kiln/runtime"
import type { ErrorRequestHandler, Request, Response } from "express"

import { callOf } from "./call.ts"
import { HangUp } from "./hang-up.ts"
import { refusalOf } from "./refusal-of.ts"

export const problemType = "application/problem+json"

/** A refusal as an RFC 9457 document; what caused it stays in the log. */
export function problemOf(refusal: Refusal, req: Request, res: Response): Problem {
  const [instance = "/"] = req.originalUrl.split("?", 1)
  return describeRefusal(refusal, { instance, requestId: callOf(res).requestId })
}

export function describeRefusal(
  refusal: Refusal,
  { instance, requestId }: { instance: string; requestId: string },
): Problem {
  const { title, retryable } = refusals[refusal.code]
  return {
    type: `urn:kiln:problem:${refusal.code}`,
    title,
    status: refusal.status,
    detail: refusal.message,
    instance,
    code: refusal.code,
    retryable,
    request_id: requestId,
    errors: [...refusal.errors],
  }
}

/** The last handler: every error leaves as a problem document. */
export function answerProblems(log: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    if (error instanceof HangUp) {
      res.destroy()
      return
    }
    const refusal = refusalOf(error)
    const { requestId, traceId } = callOf(res)
    const ids = { request_id: requestId, ...(traceId ? { trace_id: traceId } : {}) }
    if (refusal.code === "internal") log.error({ err: error, ...ids }, "request failed")
    if (refusal.code === "unavailable") log.warn({ err: refusal.cause, ...ids }, "unavailable")
    if (res.headersSent) {
      res.destroy()
      return
    }
    sendProblem(refusal, req, res)
  }
}

function sendProblem(refusal: Refusal, req: Request, res: Response): void {
  const problem = problemOf(refusal, req, res)
  res.statusCode = problem.status
  res.setHeader("Content-Type", problemType)
  res.setHeader("Cache-Control", "no-store")
  for (const name of ["ETag", "Location", "Preference-Applied"]) res.removeHeader(name)
  if (problem.status === 401) res.setHeader("WWW-Authenticate", `Bearer realm="kiln"`)
  const retryAfterMs = refusal.retryAfterMs ?? (problem.status === 503 ? 5_000 : undefined)
  if (retryAfterMs !== undefined) {
    res.setHeader("Retry-After", String(Math.max(1, Math.ceil(retryAfterMs / 1_000))))
  }
  res.end(JSON.stringify(problem))
}
