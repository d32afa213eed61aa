import { Refusal } from "@kiln/contract"
import type { RequestHandler, Response } from "express"

import { callerOf } from "./call.ts"

type Counter = { hit(tenant: string): { total: number; resetsAt: Date } }

type Standing = { policy: string; quota: number; left: number; resetsInMs: number }

/** The headers of draft-ietf-httpapi-ratelimit-headers-11, on refusals too. */
export function tellLimit(res: Response, { policy, quota, left, resetsInMs }: Standing): void {
  res.setHeader("RateLimit-Policy", `"${policy}";q=${quota};w=60`)
  res.setHeader("RateLimit", `"${policy}";r=${left};t=${Math.max(1, Math.ceil(resetsInMs / 1_000))}`)
}

/** Refuses what a tenant asks beyond its own limit of requests a minute, or `usual` where it has none. */
export function rateLimit({ counter, usual }: { counter: Counter; usual: number }): RequestHandler {
  return (_req, res, next) => {
    const { key, requestsPerMinute } = callerOf(res)
    const quota = requestsPerMinute ?? usual
    const { total, resetsAt } = counter.hit(key.tenant)
    const resetsInMs = resetsAt.getTime() - Date.now()
    tellLimit(res, { policy: "default", quota, left: Math.max(0, quota - total), resetsInMs })
    if (total > quota) {
      throw new Refusal("rate_limited", `More than ${quota} requests in a minute`, {
        retryAfterMs: resetsInMs,
      })
    }
    next()
  }
}
