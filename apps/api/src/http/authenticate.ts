import { Refusal } from "@kiln/contract"
import type { Request, RequestHandler, Response } from "express"
import { LRUCache } from "lru-cache"

import { createAttemptLimit } from "./attempt-limit.ts"
import { callOf, type Caller } from "./call.ts"
import { hashOf, type KnownKeys } from "./known-keys.ts"
import { tellLimit } from "./rate-limit.ts"

type Options = {
  keys: KnownKeys
  touch: (id: string, at: Date) => Promise<void>
  onError: (error: unknown) => void
  /** Failures a minute and address after which unknown keys are not looked up. */
  mostFailures?: number
}

const touchEveryMs = 60_000

/** Finds out who calls, by `Authorization: Bearer kiln_sk_…`. */
export function authenticate({ keys, touch, onError, mostFailures = 600 }: Options): RequestHandler {
  const attempts = createAttemptLimit({ most: mostFailures })
  const touched = new LRUCache<string, number>({ max: 10_000 })

  function refuse(req: Request, res: Response, why: string): never {
    const { left, resetsInMs } = attempts.fail(addressOf(req))
    tellLimit(res, { policy: "failures", quota: mostFailures, left, resetsInMs })
    if (left > 0) throw new Refusal("unauthorized", why)
    throw new Refusal("rate_limited", "Too many requests without a valid API key", {
      retryAfterMs: resetsInMs,
    })
  }

  function accept(res: Response, caller: Caller, now: number): void {
    const { key } = caller
    callOf(res).caller = caller
    if (now - (touched.get(key.id) ?? 0) < touchEveryMs) return
    touched.set(key.id, now)
    touch(key.id, new Date(now)).catch(onError)
  }

  return async (req, res, next) => {
    const token = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(req.headers.authorization ?? "")?.[1]
    if (token === undefined)
      return refuse(req, res, "This needs an API key: `Authorization: Bearer kiln_sk_…`")
    const now = Date.now()
    const digest = hashOf(token)
    let found = keys.recent(digest, now)
    if (!found) {
      // A key that was good before is looked up whatever others do behind the same address.
      if (attempts.isSpent(addressOf(req)) && !keys.wasGood(digest)) return refuse(req, res, "")
      found = await keys.lookUp(digest)
    }
    if (!found.key) return refuse(req, res, "The API key is not known or was revoked")
    if (found.expiresAt <= now) return refuse(req, res, "The API key has expired")
    accept(res, { key: found.key, token, requestsPerMinute: found.requestsPerMinute }, now)
    next()
  }
}

const addressOf = (req: Request): string => req.socket.remoteAddress ?? ""
