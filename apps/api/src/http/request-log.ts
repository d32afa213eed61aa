import type { Logger } from "@kiln/runtime"
import type { RequestHandler } from "express"

import { callOf } from "./call.ts"

/** One line a request: never headers, query or body, which hold keys, signatures and prompts. */
export function requestLog(log: Logger): RequestHandler {
  return (req, res, next) => {
    const [path] = req.originalUrl.split("?", 1)
    res.once("close", () => {
      const { requestId, startedAt, caller } = callOf(res)
      const line = {
        method: req.method,
        path,
        status: res.statusCode,
        ms: Math.round((performance.now() - startedAt) * 10) / 10,
        ...(caller ? { tenant: caller.key.tenant } : {}),
        request_id: requestId,
        ...(res.writableFinished ? {} : { cut: true }),
      }
      const isQuiet = res.statusCode < 400 && (req.method === "GET" || req.method === "HEAD")
      if (isQuiet) log.debug(line, "request")
      else log.info(line, "request")
    })
    next()
  }
}
