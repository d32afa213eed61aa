import type { Redis } from "ioredis"

type Options = { redis: Redis; prefix: string; ttlMs: number; lockMs: number }

export type Reserved =
  | { kind: "first" }
  | { kind: "running" }
  | { kind: "mismatch" }
  | { kind: "answered"; answer: string }

/**
 * Remembers the first answer to a request, for those that are not made idempotent by the step that does their
 * work (`submit` is). A first request that died holds the key for `lockMs`.
 */
export function createIdempotency({ redis, prefix, ttlMs, lockMs }: Options) {
  const keyOf = (scope: string) => `${prefix}:answer:${scope}`
  return {
    async reserve(scope: string, fingerprint: string): Promise<Reserved> {
      const taken = await redis.set(keyOf(scope), `${fingerprint}|`, "PX", lockMs, "NX")
      if (taken === "OK") return { kind: "first" }
      const known = (await redis.get(keyOf(scope))) ?? ""
      const [before, answer] = [known.slice(0, known.indexOf("|")), known.slice(known.indexOf("|") + 1)]
      if (before !== fingerprint) return before === "" ? { kind: "running" } : { kind: "mismatch" }
      return answer === "" ? { kind: "running" } : { kind: "answered", answer }
    },

    async answer(scope: string, fingerprint: string, answer: string): Promise<void> {
      await redis.set(keyOf(scope), `${fingerprint}|${answer}`, "PX", ttlMs)
    },

    /** The request failed in a way that is not to be remembered. */
    async release(scope: string): Promise<void> {
      await redis.del(keyOf(scope))
    },
  }
}
