import { hash } from "node:crypto"

import type { Redis } from "ioredis"

import type { FirstPlace, Submitted } from "./jobs.ts"
import { encodeJob, type KeptOutput, type NewJob } from "./record.ts"
import type { Scripts } from "./scripts.ts"

export type Answered = {
  job: NewJob
  idempotency: { key: string; fingerprint: string } | undefined
  outputs: ReadonlyMap<number, KeptOutput>
  text: string | null
  textKey: string | null
  layout: string | null
  /** What made these pictures, see `find`. */
  pictures: Remembered
  /** Where the images lie, and until when; null: until they are deleted. */
  objects: { prefix: string; until: Date | null }
}

/** The pictures that a job made, by everything that shaped them, for so long. */
export type Remembered = { fingerprint: string; forMs: number }

/** The script's name for pictures. */
export const picturesHash = (fingerprint: string): string => hash("sha256", fingerprint, "hex")

type Options = { redis: Redis; scripts: Scripts; prefix: string; retentionMs: number; idempotencyMs: number }

/** Jobs by the pictures that they made; `settle` remembers them. */
export function createPictures({ redis, scripts, prefix, retentionMs, idempotencyMs }: Options) {
  return {
    /** The tenant's latest job that made these pictures; it may be gone since. */
    async find(tenant: string, fingerprint: string): Promise<string | undefined> {
      return (await redis.get(`${prefix}:pictures:${tenant}:${picturesHash(fingerprint)}`)) ?? undefined
    },

    /**
     * Writes a job that has its images already: it is made and has succeeded in one step. `late`: its objects were
     * not announced with `keepImagesUntil`, or that time is over.
     */
    async submit(answered: Answered): Promise<Submitted | { kind: "late" }> {
      const { job, idempotency, outputs, text, textKey, layout, pictures, objects } = answered
      const answer = (await scripts.run(
        "submit-answered",
        job.id,
        idempotency?.key ?? "",
        idempotency?.fingerprint ?? "",
        idempotencyMs,
        retentionMs,
        objects.prefix,
        objects.until?.getTime() ?? "",
        picturesHash(pictures.fingerprint),
        Math.ceil(pictures.forMs),
        outputs.size,
        ...encodeJob(job),
        ...[...outputs].flatMap(([index, output]) => [`o:${index}`, JSON.stringify(output)]),
        ...(text === null ? [] : ["text", text]),
        ...(textKey === null ? [] : ["text_key", textKey]),
        ...(layout === null ? [] : ["layout", layout]),
      )) as ["created" | "mismatch" | "late"] | ["replayed", string]
      switch (answer[0]) {
        case "created":
          return { kind: "created", ...atOnce, ready: [] }
        case "replayed":
          return { kind: "replayed", id: answer[1], ...atOnce }
        case "mismatch":
        case "late":
          return { kind: answer[0] }
      }
    },
  }
}

const atOnce: FirstPlace = { position: 0, blockedBy: null, etaSeconds: null }
