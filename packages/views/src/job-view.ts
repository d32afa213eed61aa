import type { Job, Output } from "@kiln/contract"
import type { FirstPlace, JobPlace, JobRecord, KeptOutput, Ledger, NewJob } from "@kiln/ledger"

import { promptOf, type Documents } from "./documents.ts"
import { firstRecord, renderJob } from "./render-job.ts"
import type { SignedUrls } from "./signed-urls.ts"

type Options = {
  publicUrl: string
  ledger: Pick<Ledger, "place">
  documents: Documents
  urls: SignedUrls
  /** Null: images are kept until they are deleted. */
  imageRetentionMs: number | null
}

/** Jobs as callers see them. */
export function createJobView({ publicUrl, ledger, documents, urls, imageRetentionMs }: Options) {
  /** Whether the images' own time is over, which may be before their record's. */
  const hasLostImages = ({ completedAt }: JobRecord, now: number): boolean =>
    imageRetentionMs !== null && completedAt !== null && completedAt.getTime() + imageRetentionMs <= now

  async function outputOf(index: number, kept: KeptOutput, isLost: boolean, now: number): Promise<Output> {
    const signed = isLost ? undefined : await urls.stable(kept.key, now)
    return {
      index,
      url: signed?.url ?? null,
      url_expires_at: signed?.expiresAt?.toISOString() ?? null,
      ...kept,
      preview_url: null,
    }
  }

  return {
    hasLostImages,

    /** Until when an ended job is told in the same words, if nothing happens to it. */
    sameUntil(record: JobRecord, now: number): number {
      const lostAt = (record.completedAt?.getTime() ?? now) + (imageRetentionMs ?? Infinity)
      return Math.min(urls.stableUntil(now), lostAt > now ? lostAt : Infinity)
    },

    /** `place`: where the job stands, if that was asked for already. */
    async of(record: JobRecord, place?: JobPlace | null): Promise<Job> {
      const { spec, textKey } = record
      const now = Date.now()
      const isLost = hasLostImages(record, now)
      const [prompt, text, queue, outputs] = await Promise.all([
        promptOf(spec, documents),
        textKey === null ? record.text : documents.read(textKey),
        record.status === "queued" ? queueOf(record, now, place) : null,
        Promise.all([...record.outputs].map(([index, kept]) => outputOf(index, kept, isLost, now))),
      ])
      return renderJob(record, { prompt, text, outputs, queue }, publicUrl)
    },

    /** The job as it was when it was made: the same words whenever it is asked. */
    atFirst(job: NewJob, { prompt, position, blockedBy, etaSeconds }: FirstPlace & { prompt: string }): Job {
      const record = firstRecord(job)
      const blocked_by = isEarly(record, record.createdAt.getTime()) ? "not_before" : blockedBy
      const queue = { position, blocked_by, eta_seconds: etaSeconds }
      return renderJob(record, { prompt, text: null, outputs: [], queue }, publicUrl)
    },
  }

  async function queueOf(record: JobRecord, now: number, place?: JobPlace | null): Promise<Job["queue"]> {
    const { position, blockedBy, etaSeconds } = place ?? (await ledger.place(record))
    const blocked_by = isEarly(record, now) ? "not_before" : blockedBy
    return { position, blocked_by, eta_seconds: etaSeconds }
  }
}
export type JobView = ReturnType<typeof createJobView>

const isEarly = ({ notBefore }: JobRecord, now: number): boolean =>
  notBefore !== null && notBefore.getTime() > now

/** Seconds after which looking at a job again is worthwhile; undefined once it has ended. */
export function lookAgainIn({ status, queue }: Job): number | undefined {
  if (status !== "queued" && status !== "running") return undefined
  if (!queue) return 1
  const behind = Math.ceil(queue.position / 50)
  return Math.min(10, Math.max(1, behind, queue.eta_seconds ?? 0))
}
