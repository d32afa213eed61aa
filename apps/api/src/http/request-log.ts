import type { Logger } from "@kiln/runtime"
import type { RequestHandler } from "express"

import { callOf } from "./call.ts"

/** Told of each request that is over: the pattern of its route, as far as it has one. */
export type Observe = (request: {
  method: string
  route: string | undefined
  status: number
  ms: number
}) => void

/** One line a request: never headers, query or body, which hold keys, signatures and prompts. */
export function requestLog(log: Logger, observe: Observe): RequestHandler {
  // Looking for secrets is the dearest part of a line, and these lines have only the fields named here.
  const lines = log.child({}, { redact: [] })
  return (req, res, next) => {
    const [path] = req.originalUrl.split("?", 1)
    res.once("close", () => {
      const { requestId, traceId, startedAt, caller } = callOf(res)
      const ms = performance.now() - startedAt
      // Express types its routes loosely; what is mounted has a path of text.
      const route = (req.route as { path?: string } | undefined)?.path
      observe({ method: req.method, route, status: res.statusCode, ms })
      const line = {
        method: req.method,
        path,
        status: res.statusCode,
        ms: Math.round(ms * 10) / 10,
        ...(caller ? { tenant: caller.key.tenant } : {}),
        request_id: requestId,
        ...(traceId ? { trace_id: traceId } : {}),
        ...(res.writableFinished ? {} : { cut: true }),
      }
      const isQuiet = res.statusCode < 400 && (req.method === "GET" || req.method === "HEAD")
      if (isQuiet) lines.debug(line, "request")
      else lines.info(line, "request")
    })
    next()
  }
}
