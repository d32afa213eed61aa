import { newId } from "@kiln/contract"
import type { RequestHandler } from "express"

import { beginCall } from "./call.ts"
import { traceIdOf } from "./trace-id.ts"

const sane = /^[A-Za-z0-9._-]{1,128}$/

/** Gives every answer an `X-Request-Id`: the caller's own when it is sane. */
export const requestId: RequestHandler = (req, res, next) => {
  const own = req.headers["x-request-id"]
  const id = typeof own === "string" && sane.test(own) ? own : newId("req")
  beginCall(res, { requestId: id, traceId: traceIdOf(req.headers["traceparent"]) })
  res.setHeader("X-Request-Id", id)
  next()
}
