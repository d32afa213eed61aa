import { hash } from "node:crypto"

import { canonicalJson, itemJobId } from "@kiln/jobs"
import type { ItemToExpand, NewJob } from "@kiln/ledger"

/** An item as it lies in storage until it becomes a job. */
export type StoredItem = {
  custom_id: string
  /** Equal for items that ask for the same picture. */
  fingerprint: string
  /** The job of an earlier batch that made it. */
  made?: string
  job?: ItemJob
}

/** A job without what follows from its batch. */
export type ItemJob = Omit<NewJob, "id" | "tenant" | "key" | "batch" | "customId" | "notBefore"> & {
  notBefore: string | null
}

type Place = { id: string; tenant: string; key: string }

/** The item as a job of its batch. */
export function itemToExpand(
  { custom_id, made, job }: StoredItem,
  batch: Place,
  index: number,
): ItemToExpand {
  const id = itemJobId(batch.id, index)
  if (made !== undefined || !job) return { takenOver: id }
  const notBefore = job.notBefore === null ? null : new Date(job.notBefore)
  return {
    job: {
      ...job,
      notBefore,
      id,
      tenant: batch.tenant,
      key: batch.key,
      batch: batch.id,
      customId: custom_id,
    },
  }
}

/** 132 bits are enough to tell names and contents apart. */
export const digestOf = (text: string): string => hash("sha256", text, "base64url").slice(0, 22)

/** When it starts and by when it ends do not shape the picture; everything else does. */
export function fingerprintOf({ type, model, spec }: ItemJob): string {
  const { warnings: _, ...shaping } = spec
  return digestOf(canonicalJson({ type, model, ...shaping }))
}
