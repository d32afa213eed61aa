import {
  idTime,
  type BatchError,
  type BatchStatus,
  type JobStatus,
  type OwnWebhook,
  type Priority,
} from "@kiln/contract"

/** What is known of a batch before its rows are read. */
export type NewBatch = {
  id: string
  tenant: string
  key: string
  name: string | null
  priority: Priority | null
  maxParallel: number | null
  deadlineSeconds: number | null
  resumedFrom: string | null
  /** Told of this batch alone. */
  webhook?: OwnWebhook | undefined
}

/** What its rows came to. */
export type ReadBatch = {
  items: number
  /** Null where a price is not known. */
  estimatedNanoUsd: number | null
  takenOver: number
  refused: { count: number; errors: readonly BatchError[] }
}

/** Everything the ledger knows of a batch beside its items. */
export type BatchRecord = Omit<NewBatch, "deadlineSeconds" | "webhook"> &
  Omit<ReadBatch, "items"> & {
    status: BatchStatus
    counts: Record<JobStatus | "total", number>
    /** How many items are jobs by now. */
    cursor: number
    /** Items from here on ended without ever being jobs. */
    cut: { from: number; as: "canceled" | "expired" } | null
    /** Where the running again of failed items stands. */
    redo: number | null
    /** Where the removal of its items stands once somebody asked for it; callers see such a batch no more. */
    removal: number | null
    costNanoUsd: number | null
    /** A moment and what had ended by then, for the speed. */
    pace: { at: Date; done: number } | null
    eventCount: number
    /** From when deadlines count: a retry renews them. */
    deadline: Date | null
    deadlineSeconds: number | null
    cancelRequestedAt: Date | null
    createdAt: Date
    completedAt: Date | null
    expiresAt: Date | null
  }

export function encodeNewBatch(batch: NewBatch, retentionMs: number): (string | number)[] {
  const { key, name, priority, maxParallel, deadlineSeconds, resumedFrom } = batch
  return [
    "key",
    key,
    "retention",
    retentionMs,
    ...(name === null ? [] : ["name", name]),
    ...(priority === null ? [] : ["priority", priority]),
    ...(maxParallel === null ? [] : ["parallel", maxParallel]),
    ...(resumedFrom === null ? [] : ["resumed", resumedFrom]),
    ...(deadlineSeconds === null ? [] : ["deadline_seconds", deadlineSeconds]),
    ...(deadlineSeconds === null ? [] : ["deadline", idTime(batch.id).getTime() + deadlineSeconds * 1_000]),
  ]
}

export const encodeReadBatch = (read: ReadBatch): (string | number)[] => [
  ...(read.estimatedNanoUsd === null ? [] : ["estimate", read.estimatedNanoUsd]),
  "taken",
  read.takenOver,
  "refused",
  JSON.stringify(read.refused),
]

type Fields = Readonly<Record<string, string>>
const number = (value: string | undefined): number => Number(value ?? 0)
const maybe = (value: string | undefined): number | null => (value === undefined ? null : Number(value))
const instant = (value: string | undefined): Date | null =>
  value === undefined ? null : new Date(Number(value))

/** The record behind a batch's fields; undefined when there is none. */
export function decodeBatch(id: string, fields: Fields): BatchRecord | undefined {
  const { tenant, key, state } = fields
  if (!tenant || !key || !state) return undefined
  return {
    id,
    tenant,
    key,
    name: fields["name"] ?? null,
    // Only the ledger's scripts and this file write these.
    status: state as BatchStatus,
    counts: {
      total: number(fields["total"]),
      queued: number(fields["queued"]),
      running: number(fields["running"]),
      succeeded: number(fields["succeeded"]),
      failed: number(fields["failed"]),
      canceled: number(fields["canceled"]),
      expired: number(fields["expired"]),
    },
    cursor: number(fields["cursor"]),
    cut: fields["cut"] === undefined ? null : cutOf(fields["cut"], fields["cut_as"]),
    redo: maybe(fields["redo"]),
    removal: maybe(fields["removal"]),
    priority: (fields["priority"] as Priority | undefined) ?? null,
    maxParallel: maybe(fields["parallel"]),
    resumedFrom: fields["resumed"] ?? null,
    takenOver: number(fields["taken"]),
    refused: fields["refused"]
      ? (JSON.parse(fields["refused"]) as BatchRecord["refused"])
      : { count: 0, errors: [] },
    estimatedNanoUsd: maybe(fields["estimate"]),
    costNanoUsd: fields["unpriced"] ? null : number(fields["cost"]),
    pace: paceOf(fields),
    eventCount: number(fields["events"]),
    deadlineSeconds: maybe(fields["deadline_seconds"]),
    deadline: instant(fields["deadline"]),
    cancelRequestedAt: instant(fields["cancel"]),
    createdAt: idTime(id),
    completedAt: instant(fields["completed"]),
    expiresAt: instant(fields["expires"]),
  }
}

const cutOf = (from: string, as: string | undefined): NonNullable<BatchRecord["cut"]> => ({
  from: Number(from),
  as: as === "expired" ? "expired" : "canceled",
})

function paceOf(fields: Fields): BatchRecord["pace"] {
  const at = fields["before_at"] ?? fields["pace_at"]
  const done = fields["before_at"] === undefined ? fields["pace_done"] : fields["before_done"]
  return at === undefined ? null : { at: new Date(Number(at)), done: number(done) }
}
