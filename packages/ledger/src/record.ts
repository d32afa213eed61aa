import {
  idTime,
  type Attempt,
  type AttemptOutcome,
  type Charged,
  type JobError,
  type JobEventType,
  type JobStatus,
  type Parameters,
  type Priority,
  type Warning,
} from "@kiln/contract"

/** An input image that is kept: an asset as it was then. */
export type KeptInput = { asset: string; key: string; content_type: string; width: number; height: number }

/** What a caller asked for and never changes; short prompts are here, long ones in storage under `promptKey`. */
export type JobSpec = {
  prompt: string | null
  promptKey: string | null
  /** Id of the template that the prompt was made of. */
  template?: string
  /** What is to be edited; a URL is fetched when the job runs. */
  inputs?: readonly (KeptInput | { url: string })[]
  parameters: Parameters
  metadata: Record<string, string>
  warnings: Warning[]
}

export type NewJob = {
  id: string
  tenant: string
  key: string
  type: "generation" | "edit"
  model: string
  /** The model and those that may take over; see `laneOf`. Absent: only the model. */
  lane?: string
  requestedModel: string
  spec: JobSpec
  priority: Priority
  notBefore: Date | null
  deadlineSeconds: number | null
  /** The batch that it is an item of, and the item's own name. */
  batch?: string
  customId?: string
}

/** A kept image, as it is written beside the job. */
export type KeptOutput = {
  key: string
  content_type: string
  bytes: number
  width: number
  height: number
  sha256: string
  upstream_content_type: string
}

export type RecordedEvent = { id: string; type: JobEventType; at: Date; extra: string }

/** Everything the ledger knows of a job. */
export type JobRecord = Omit<NewJob, "deadlineSeconds" | "notBefore" | "batch" | "customId"> & {
  lane: string
  /** Given out although nobody serves its model any more, so that a worker ends it. */
  isHopeless: boolean
  status: JobStatus
  createdAt: Date
  startedAt: Date | null
  completedAt: Date | null
  expiresAt: Date | null
  notBefore: Date | null
  deadline: Date | null
  /** Attempts of this run that count. */
  tries: number
  /** Inputs that were given by URL and are fetched. */
  fetched: ReadonlyMap<number, KeptInput>
  outputs: ReadonlyMap<number, KeptOutput>
  /** Images given up by earlier attempts. */
  abandoned: ReadonlyMap<number, JobError>
  attempts: Attempt[]
  readonly events: RecordedEvent[]
  /** Grows with every event: while it stays, a job that has ended has not changed. */
  eventCount: number
  usage: { input: number; output: number; calls: number; costNanoUsd: number | null }
  text: string | null
  textKey: string | null
  error: JobError | null
  shortfall: { requested: number; delivered: number; errors: JobError[] } | null
  warned: Warning[]
  blockedBy: string | null
  batch: string | null
  customId: string | null
}

const rankOf = { high: 0, normal: 1, low: 2 } as const satisfies Record<Priority, number>
const priorities = ["high", "normal", "low"] as const

/** The fields of a new record, as name and value in turn. Its deadline counts from its making, or from `since`. */
export function encodeJob(job: NewJob, since: Date = idTime(job.id)): string[] {
  const deadlineSeconds = job.deadlineSeconds ?? 0
  const fields: Record<string, string> = {
    tenant: job.tenant,
    key: job.key,
    type: job.type,
    model: job.model,
    requested: job.requestedModel,
    // What is left of the lane changes as models take over; a retry begins with the whole plan again.
    ...(job.lane !== undefined && job.lane !== job.model ? { lane: job.lane, plan: job.lane } : {}),
    rank: String(rankOf[job.priority]),
    spec: JSON.stringify(job.spec),
    ...(job.notBefore ? { not_before: String(job.notBefore.getTime()) } : {}),
    ...(deadlineSeconds > 0
      ? {
          deadline_seconds: String(deadlineSeconds),
          deadline: String(since.getTime() + deadlineSeconds * 1_000),
        }
      : {}),
    ...(job.batch === undefined ? {} : { batch: job.batch }),
    ...(job.customId === undefined ? {} : { custom: job.customId }),
  }
  return Object.entries(fields).flat()
}

type Fields = Readonly<Record<string, string>>

const number = (value: string | undefined): number => Number(value ?? 0)
const instant = (value: string | undefined): Date | null => (value ? new Date(Number(value)) : null)
/** The ledger's scripts and `encodeJob` are the only writers of these fields. */
const json = <Value>(value: string | undefined, otherwise: Value): Value =>
  value ? (JSON.parse(value) as Value) : otherwise

/** The record behind a job's fields; undefined when there is no job. */
export function decodeJob(id: string, fields: Fields): JobRecord | undefined {
  const { status, tenant, key, model, requested, spec } = fields
  if (!status || !tenant || !key || !model || !requested || !spec) return undefined
  const numbered = numberedFields(fields)
  return {
    id,
    tenant,
    key,
    type: fields["type"] === "edit" ? "edit" : "generation",
    model,
    lane: fields["lane"] ?? model,
    isHopeless: fields["gone"] === "1",
    requestedModel: requested,
    spec: JSON.parse(spec) as JobSpec,
    priority: priorities[number(fields["rank"])] ?? "normal",
    status: status as JobStatus,
    createdAt: idTime(id),
    startedAt: instant(fields["started"]),
    completedAt: instant(fields["completed"]),
    expiresAt: instant(fields["expires"]),
    notBefore: instant(fields["not_before"]),
    deadline: instant(fields["deadline"]),
    tries: number(fields["tries"]),
    fetched: decodeRows<KeptInput>(numbered.i),
    outputs: decodeRows<KeptOutput>(numbered.o),
    abandoned: fields["abandoned"] ? decodeAbandoned(fields["abandoned"]) : new Map<number, JobError>(),
    attempts: numbered.a.map(decodeAttempt),
    /** Read by few: decoded when they are. */
    get events() {
      return numbered.e.map(decodeEvent)
    },
    eventCount: number(fields["events"]),
    usage: {
      input: number(fields["input"]),
      output: number(fields["output"]),
      calls: number(fields["calls"]),
      costNanoUsd: fields["unpriced"] ? null : number(fields["cost"]),
    },
    text: fields["text"] ?? null,
    textKey: fields["text_key"] ?? null,
    error: json<JobError | null>(fields["error"], null),
    shortfall: json<JobRecord["shortfall"]>(fields["shortfall"], null),
    warned: json<Warning[]>(fields["warned"], []),
    blockedBy: fields["blocked"] ?? null,
    batch: fields["batch"] ?? null,
    customId: fields["custom"] ?? null,
  }
}

const decodeAbandoned = (text: string): Map<number, JobError> =>
  new Map(
    Object.entries(JSON.parse(text) as Record<string, JobError>).map(([index, error]) => [
      Number(index),
      error,
    ]),
  )

/** The fields that come in numbers: inputs, outputs, attempts and events, found in one pass over the record. */
function numberedFields(fields: Fields) {
  const found: Record<"i" | "o" | "a" | "e", [number, string][]> = { i: [], o: [], a: [], e: [] }
  for (const name in fields) {
    if (name.charCodeAt(1) !== colon) continue
    const kind = found[name[0] as keyof typeof found]
    kind.push([Number(name.slice(2)), fields[name] ?? ""])
  }
  for (const kind of [found.i, found.o, found.a, found.e]) if (kind.length > 1) kind.sort(([a], [b]) => a - b)
  return found
}

const colon = ":".charCodeAt(0)

const decodeRows = <Row>(rows: readonly [number, string][]): Map<number, Row> =>
  new Map(rows.map(([index, text]) => [index, JSON.parse(text) as Row]))

function decodeAttempt([n, text]: [number, string]): Attempt {
  const [model = "", started, ended, outcome, upstream, charged] = text.split("|")
  return {
    number: n,
    model,
    started_at: new Date(Number(started)).toISOString(),
    ended_at: ended ? new Date(Number(ended)).toISOString() : null,
    outcome: (outcome as AttemptOutcome | undefined) ?? null,
    upstream_status: upstream ? Number(upstream) : null,
    charged: (charged as Charged | undefined) ?? null,
  }
}

function decodeEvent([, text]: [number, string]): RecordedEvent {
  const [id = "", type, at, extra = ""] = text.split("|")
  return { id, type: type as JobEventType, at: new Date(Number(at)), extra }
}
