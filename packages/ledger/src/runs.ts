import { randomUUID } from "node:crypto"

import type { Charged, JobError, Warning } from "@kiln/contract"
import type { CircuitPolicy, Settlement, UpstreamHealth } from "@kiln/jobs"

import { handovers, type Handover } from "./handover.ts"
import { decodeJob, type JobRecord, type KeptInput, type KeptOutput } from "./record.ts"
import type { Scripts } from "./scripts.ts"

/** What calls used; a cost of null has no known price. */
export type Spent = { calls: number; input: number; output: number; costNanoUsd: number | null }

export type Begun =
  | { kind: "begun"; epoch: number; record: JobRecord }
  /** Not to be worked on: removed, done, or handed over anew since. */
  | { kind: "gone" | "stale" | "ended" }

export type AttemptEnd = {
  settlement: Settlement
  upstreamStatus: number | null
  charged: Charged
  /** What the calls used that gave no image. */
  spent: Spent
  text: string | null
  textKey: string | null
  warned: readonly Warning[]
  /** What the attempt showed of the model's upstream; absent: nothing. */
  health?: UpstreamHealth | null
  /** Whose usage it is when the job was deleted meanwhile. */
  payer?: Pick<JobRecord, "tenant" | "model" | "key">
}

type Options = {
  scripts: Scripts
  retentionMs: number
  mostReady: number
  /** Deaths of its workers after which a job is given up. */
  mostDeaths: number
  deadlineError: JobError
  deathsError: JobError
  circuit: CircuitPolicy
}

const today = (): string => new Date().toISOString().slice(0, 10)

/** What workers do to jobs. Each step checks the epoch: a worker that lost its job cannot write any more. */
export function createRuns({ scripts, retentionMs, mostReady, ...options }: Options) {
  return {
    /** Claims the job. An `execution` that claims it again, having lost the answer, is given the same claim. */
    async begin({ id, turn }: Handover, execution: string = randomUUID()): Promise<Begun> {
      const [kind, epoch, flat] = (await scripts.run(
        "begin",
        id,
        turn,
        retentionMs,
        JSON.stringify(options.deadlineError),
        JSON.stringify(options.deathsError),
        options.mostDeaths,
        execution,
      )) as ["begun" | "gone" | "stale" | "ended", number, string[]]
      if (kind !== "begun") return { kind }
      const record = decodeJob(id, fieldsOf(flat))
      return record ? { kind, epoch, record } : { kind: "gone" }
    },

    /** Writes down a stored image and what it cost. */
    async keep(run: { id: string; epoch: number; index: number; output: KeptOutput; spent: Spent }) {
      const { spent } = run
      return (await scripts.run(
        "keep",
        run.id,
        run.epoch,
        run.index,
        JSON.stringify(run.output),
        today(),
        spent.calls,
        spent.input,
        spent.output,
        spent.costNanoUsd ?? "",
      )) as "kept" | "fenced" | "gone"
    },

    /** Writes down an input that was fetched; an earlier attempt's stays. */
    async keepInput(run: { id: string; epoch: number; index: number; input: KeptInput }) {
      const { id, epoch, index, input } = run
      return (await scripts.run("keep-input", id, epoch, index, JSON.stringify(input))) as
        | "kept"
        | "fenced"
        | "gone"
    },

    /** Ends an attempt: the job ends, or waits for another one. */
    async settle(
      run: { id: string; epoch: number },
      end: AttemptEnd,
    ): Promise<{ kind: "settled"; ready: Handover[] } | { kind: "fenced" | "gone" }> {
      const [kind, ...rest] = (await scripts.run(
        "settle",
        run.id,
        run.epoch,
        retentionMs,
        mostReady,
        JSON.stringify({ ...encodeEnd(end), ...options.circuit }),
      )) as ["settled" | "fenced" | "gone", ...(string | number)[]]
      return kind === "settled" ? { kind, ready: handovers(rest) } : { kind }
    },
  }
}

const json = (value: unknown): string => (value === null || value === undefined ? "" : JSON.stringify(value))

/** The words of settle.lua: an empty string is nothing. */
function encodeEnd({ settlement, spent, ...end }: AttemptEnd) {
  const again = settlement.kind === "again" ? settlement : undefined
  const ended = settlement.kind === "end" ? settlement : undefined
  return {
    kind: settlement.kind,
    status: ended?.status ?? "",
    outcome: settlement.outcome,
    upstreamStatus: end.upstreamStatus === null ? "" : String(end.upstreamStatus),
    charged: end.charged,
    tenant: end.payer?.tenant ?? "",
    model: end.payer?.model ?? "",
    key: end.payer?.key ?? "",
    day: today(),
    calls: spent.calls,
    input: spent.input,
    output: spent.output,
    cost: spent.costNanoUsd ?? "",
    text: end.text ?? "",
    text_key: end.textKey ?? "",
    warned: end.warned.length > 0 ? JSON.stringify(end.warned) : "",
    abandoned: again && again.abandoned.size > 0 ? JSON.stringify(Object.fromEntries(again.abandoned)) : "",
    error: json(ended?.error),
    shortfall: json(ended?.shortfall),
    delayMs: again?.delayMs ?? 0,
    free: again?.free ?? false,
    blockedBy: again?.blockedBy ?? "",
    successor: again?.successor?.model ?? "",
    leaves: again?.successor?.reason ?? "",
    health: end.health ?? "",
  }
}

function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] ?? ""] = flat[i + 1] ?? ""
  return fields
}
