import type { UploadedFiles } from "@kiln/jobs"
import type { Redis } from "ioredis"

/** Files at an upstream by a hash of whose and what they are: each entry goes when the upstream's file does. */
export function createUploads({ redis, prefix }: { redis: Redis; prefix: string }): UploadedFiles {
  const keyOf = (name: string) => `${prefix}:upload:${name}`
  return {
    find: async (name) => (await redis.get(keyOf(name))) ?? undefined,
    async remember(name, uri, forMs) {
      await redis.set(keyOf(name), uri, "PX", Math.max(1, Math.floor(forMs)))
    },
  }
}
