import type { Batch } from "@kiln/contract"
import { toUsd } from "@kiln/jobs"
import type { BatchRecord } from "@kiln/ledger"

const instant = (time: Date | null): string | null => time?.toISOString() ?? null

export const hasEnded = ({ status }: Pick<BatchRecord, "status">): boolean =>
  status === "completed" || status === "canceled" || status === "failed"

/** Batches as callers see them. */
export function createBatchView({ publicUrl }: { publicUrl: string }) {
  const view = {
    /** The batch as it was when it was made: the same words whenever it is asked. */
    atFirst(record: BatchRecord): Batch {
      const { total } = record.counts
      const ended = { running: 0, succeeded: 0, failed: 0, canceled: 0, expired: 0 }
      const counts = { total, queued: total, ...ended }
      const fresh = {
        pace: null,
        costNanoUsd: 0,
        cancelRequestedAt: null,
        completedAt: null,
        expiresAt: null,
      }
      return view.of({ ...record, ...fresh, counts, status: "running" }, 0)
    },

    of(record: BatchRecord, now: number): Batch {
      const self = `${publicUrl}/v1/batches/${record.id}`
      return {
        id: record.id,
        object: "batch",
        name: record.name,
        status: record.status,
        counts: record.counts,
        usage: {
          cost_usd: toUsd(record.costNanoUsd),
          estimated_cost_usd: toUsd(record.estimatedNanoUsd),
        },
        eta_seconds: etaOf(record, now),
        priority: record.priority,
        max_parallel: record.maxParallel,
        resumed_from: record.resumedFrom,
        taken_over: record.takenOver,
        refused: { count: record.refused.count, errors: [...record.refused.errors] },
        error: record.status === "failed" ? "The process that read the rows died; send them again" : null,
        deadline: instant(record.deadline),
        cancel_requested_at: instant(record.cancelRequestedAt),
        created_at: record.createdAt.toISOString(),
        completed_at: instant(record.completedAt),
        expires_at: instant(record.expiresAt),
        urls: {
          self,
          items: `${self}/items`,
          results: `${self}/results`,
          archive: `${self}/archive`,
          contact_sheet: `${self}/contact-sheet`,
          events: `${self}/events`,
          cancel: `${self}/cancel`,
        },
      }
    },
  }
  return view
}
export type BatchView = ReturnType<typeof createBatchView>

/** Items that have ended. */
const doneOf = ({ counts }: Pick<BatchRecord, "counts">): number =>
  counts.succeeded + counts.failed + counts.canceled + counts.expired

/** At the speed since the mark; in steps that grow with it, so that a poll does not see a new number each time. */
function etaOf(record: BatchRecord, now: number): number | null {
  if (record.status !== "running" || !record.pace) return null
  const done = doneOf(record) - record.pace.done
  const seconds = (now - record.pace.at.getTime()) / 1_000
  if (done <= 0 || seconds <= 0) return null
  const left = ((record.counts.total - doneOf(record)) * seconds) / done
  const step = left < 60 ? 1 : left < 600 ? 5 : 30
  return Math.ceil(left / step) * step
}

/** Seconds after which looking at a batch again is worthwhile; undefined once it has ended. */
export function lookAtBatchAgainIn(batch: Batch): number | undefined {
  if (batch.completed_at !== null) return undefined
  return Math.min(10, Math.max(1, Math.ceil((batch.eta_seconds ?? 20) / 10)))
}
