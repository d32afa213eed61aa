import { LRUCache } from "lru-cache"

type Attempts = { count: number; resetsAt: number }

const windowMs = 60_000

/** Counts failed attempts of each address in this process, so that guessing keys costs Redis little. */
export function createAttemptLimit({ most }: { most: number }) {
  const byAddress = new LRUCache<string, Attempts>({ max: 10_000 })

  function attemptsOf(address: string, now: number): Attempts {
    const known = byAddress.get(address)
    if (known && known.resetsAt > now) return known
    const fresh = { count: 0, resetsAt: now + windowMs }
    byAddress.set(address, fresh)
    return fresh
  }

  return {
    isSpent: (address: string, now = Date.now()) => attemptsOf(address, now).count >= most,
    fail(address: string, now = Date.now()): { left: number; resetsInMs: number } {
      const attempts = attemptsOf(address, now)
      attempts.count += 1
      return { left: Math.max(0, most - attempts.count), resetsInMs: attempts.resetsAt - now }
    },
  }
}
