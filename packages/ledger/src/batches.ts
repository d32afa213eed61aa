import type { Redis } from "ioredis"

import { createBatchReads } from "./batch-reads.ts"
import { encodeNewBatch, encodeReadBatch, type NewBatch, type ReadBatch } from "./batch-record.ts"
import { decodeUnaffordable, unaffordable } from "./budget.ts"
import { encodeOwnWebhook } from "./own-webhook.ts"
import type { Scripts } from "./scripts.ts"
import type { Vault } from "./vault.ts"
import type { WebhookSecrets } from "./webhook-secrets.ts"

type Options = {
  redis: Redis
  scripts: Scripts
  prefix: string
  retentionMs: number
  idempotencyMs: number
  vault: Vault
  secrets: Pick<WebhookSecrets, "ensureOwn">
}

/** Batches of a tenant that have not ended. */
const mostOpenBatches = 200

/** For so long a batch whose rows are being read may be silent; then its reader has died. */
export const silentMs = 60_000

export type BegunBatch =
  | { kind: "begun" | "mismatch" | "running" | "full" }
  /** The same request came before: it made this batch. */
  | { kind: "replayed"; id: string }

export type BatchAct = "cancel" | "pause" | "resume" | "retry" | "remove"

/** `terminal`: it is too late for that; `active`: too early. */
export type BatchActed = "done" | "missing" | "terminal" | "active"

/** What callers do to batches. */
export function createBatches({ redis, scripts, prefix, retentionMs, ...options }: Options) {
  const { idempotencyMs, vault, secrets } = options
  return {
    ...createBatchReads({ redis, prefix }),

    /** Writes down a batch whose rows are about to be read; an Idempotency-Key does it once. */
    async begin(
      batch: NewBatch,
      idempotency: { key: string; fingerprint: string } | undefined,
    ): Promise<BegunBatch> {
      const { tenant, webhook } = batch
      if (webhook) await secrets.ensureOwn(tenant)
      const own = webhook ? Object.entries(encodeOwnWebhook(vault, { tenant, of: "batch" }, webhook)) : []
      const [kind, id = ""] = (await scripts.run(
        "batch-begin",
        batch.id,
        batch.tenant,
        idempotency?.key ?? "",
        idempotency?.fingerprint ?? "",
        idempotencyMs,
        mostOpenBatches,
        silentMs,
        ...encodeNewBatch(batch, retentionMs),
        ...own.flat(),
      )) as ["begun" | "mismatch" | "running" | "full" | "replayed", string?]
      return kind === "replayed" ? { kind, id } : { kind }
    },

    /** Says that its rows are still being read; false when it is not wanted any more. */
    async beat(id: string): Promise<boolean> {
      return (await scripts.run("batch-beat", id, silentMs)) === 1
    },

    /**
     * All rows are read and in storage; false when it was canceled meanwhile. Throws `budget_exceeded` where a budget
     * does not allow it; it is to be dropped then.
     */
    async create(id: string, rows: ReadBatch): Promise<boolean> {
      const answer = (await scripts.run("batch-create", id, rows.items, ...encodeReadBatch(rows))) as [
        "created" | "gone" | "unaffordable",
        ...string[],
      ]
      const [kind, ...standing] = answer
      if (kind === "unaffordable") throw unaffordable(decodeUnaffordable(standing))
      return kind === "created"
    },

    /** Forgets a batch whose rows were refused. */
    async drop(id: string): Promise<void> {
      await scripts.run("batch-drop", id)
    },

    async act(id: string, tenant: string, act: BatchAct): Promise<BatchActed> {
      return (await scripts.run("batch-act", id, tenant, act)) as BatchActed
    },
  }
}
