import { idTime, type Charged, type Job, type Output, type Warning } from "@kiln/contract"
import { chargedInAll, contentOf, guidancePath, isGuidanceCode, toUsd } from "@kiln/jobs"
import type { JobRecord, NewJob } from "@kiln/ledger"

/** What of a job lies elsewhere than in its record. */
export type Beside = { prompt: string | null; text: string | null; outputs: Output[]; queue: Job["queue"] }

/** A record in the words of the contract. */
export function renderJob(record: JobRecord, beside: Beside, publicUrl: string): Job {
  const { spec, usage } = record
  const self = `${publicUrl}/v1/jobs/${record.id}`
  return {
    id: record.id,
    object: "job",
    type: record.type,
    status: record.status,
    model: record.model,
    requested_model: record.requestedModel,
    prompt: beside.prompt,
    template: spec.template ?? null,
    parameters: spec.parameters,
    inputs: inputsOf(record),
    outputs: beside.outputs,
    text: beside.text,
    content: spec.parameters.include_text
      ? contentOf({ text: beside.text, layout: record.layout ?? "" }, record.outputs.keys())
      : null,
    shortfall: record.shortfall,
    error: record.error,
    warnings: [...spec.warnings, ...record.warned].map((warning) => warningView(warning, publicUrl)),
    queue: beside.queue,
    attempts: record.attempts,
    usage: {
      input_tokens: usage.input,
      output_tokens: usage.output,
      upstream_calls: usage.calls,
      cost_usd: toUsd(usage.costNanoUsd),
      charged: chargedInAll(record.attempts.map(({ charged }) => charged).filter(isKnown)),
    },
    priority: record.priority,
    not_before: instant(record.notBefore),
    deadline: instant(record.deadline),
    batch: record.batch,
    custom_id: record.customId,
    previous_job: spec.previous?.job ?? null,
    metadata: spec.metadata,
    created_at: record.createdAt.toISOString(),
    started_at: instant(record.startedAt),
    completed_at: instant(record.completedAt),
    expires_at: instant(record.expiresAt),
    urls: { self, cancel: `${self}/cancel`, retry: `${self}/retry`, events: `${self}/events` },
  }
}

/** A warning with the page that says more, where there is one. */
export const warningView = ({ code, detail }: Warning, publicUrl: string): Job["warnings"][number] => ({
  code,
  detail,
  docs: isGuidanceCode(code) ? publicUrl + guidancePath(code) : null,
})

/** An image that was only named is known once it is fetched. */
const inputsOf = ({ spec, fetched }: JobRecord): Job["inputs"] =>
  (spec.inputs ?? [])
    .map((given, index) => ("asset" in given ? given : fetched.get(index)))
    .filter((input) => input !== undefined)
    .map(({ asset, content_type, width, height }) => ({ asset, content_type, width, height }))

const instant = (time: Date | null): string | null => time?.toISOString() ?? null
const isKnown = (charged: Charged | null): charged is Charged => charged !== null

/** The record of a job at the moment it is made, as the ledger will give it before anything happens to it. */
export function firstRecord({ deadlineSeconds, webhook: _webhook, ...job }: NewJob): JobRecord {
  const createdAt = idTime(job.id)
  return {
    ...job,
    lane: job.lane ?? job.model,
    isHopeless: false,
    status: "queued",
    createdAt,
    startedAt: null,
    completedAt: null,
    expiresAt: null,
    deadline: deadlineSeconds === null ? null : new Date(createdAt.getTime() + deadlineSeconds * 1_000),
    tries: 0,
    fetched: new Map(),
    outputs: new Map(),
    abandoned: new Map(),
    attempts: [],
    events: [],
    eventCount: 0,
    usage: { input: 0, output: 0, calls: 0, costNanoUsd: 0 },
    text: null,
    textKey: null,
    layout: null,
    error: null,
    shortfall: null,
    warned: [],
    blockedBy: null,
    batch: null,
    customId: null,
  }
}
