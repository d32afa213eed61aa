import {
  idTime,
  isTerminal,
  type Refusal,
  type ApiKey,
  type GenerationRequest,
  type Job,
} from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import { unaffordable, type Feed, type FirstPlace, type Ledger, type NewJob } from "@kiln/ledger"
import type { Reuse } from "@kiln/reuse"
import type { Logger } from "@kiln/runtime"
import { documentKey, jobPrefix, type Storage } from "@kiln/storage"
import type { Documents, JobView } from "@kiln/views"
import type { Response } from "express"

import { createAnswerFromEarlier } from "./answer-from-earlier.ts"
import type { FindPrevious } from "./find-previous.ts"
import type { FindTemplate } from "./find-template.ts"
import { findWords } from "./find-words.ts"
import { createFirstRequest } from "./first-request.ts"
import type { HandOver } from "./hand-over.ts"
import { callerOf } from "./http/call.ts"
import { idempotencyKeyOf, mismatch } from "./http/idempotency-key.ts"
import type { Answer, Exchange } from "./http/mount.ts"
import type { OpenWaits } from "./http/open-waits.ts"
import { waitOf } from "./http/prefer.ts"
import { patienceOf, untilEnded } from "./http/wait.ts"
import { newJob, type Words } from "./new-job.ts"
import { queueFull } from "./queue-full.ts"
import type { GivenImage, ResolveInputs } from "./resolve-inputs.ts"
import type { CheckWebhookUrl } from "./webhook-guard.ts"

type Deps = {
  ledger: Ledger
  feed: Feed
  models: Models
  reuse: Reuse
  retentionMs: number
  imageRetentionMs: number | null
  storage: Pick<Storage, "removeAll">
  documents: Documents
  findTemplate: FindTemplate
  resolveInputs: ResolveInputs
  findPrevious: FindPrevious
  checkWebhookUrl: CheckWebhookUrl
  view: JobView
  handOver: HandOver
  waits: OpenWaits
  log: Logger
  closing: AbortSignal
}

/** Longer prompts lie in storage: Redis keeps every record in memory. */
const longestPromptBytes = 4_096

/** One route's request: its images, where it edits any, and what it says beside them. */
type Asked = {
  route: "createGeneration" | "createEdit"
  request: GenerationRequest
  images?: readonly GivenImage[]
  /** The job whose conversation it goes on with. */
  previousJob?: string | undefined
  query: Parameters<typeof waitOf>[2]
}

type Submitted = Awaited<ReturnType<Ledger["submit"]>> | { kind: "excessive"; refusal: Refusal }
type Submission = Parameters<Ledger["submit"]>[0]
type Prepared = ReturnType<typeof newJob>

/** Makes a job of a request, and waits for it where that is asked for; an Idempotency-Key makes it once. */
export function createSubmitJob(deps: Deps) {
  const { ledger, feed, storage, documents, view, handOver, waits, log, closing } = deps
  const firstRequest = createFirstRequest(deps)
  const submit = createSubmit(deps)

  return async (asked: Asked, { req, res }: Exchange): Promise<Answer<Job>> => {
    const sent = idempotencyKeyOf(req, asked.route, req.body)
    const idempotency = sent && { key: sent.scope, fingerprint: sent.fingerprint }
    const { key } = callerOf(res)
    const waitMs = waitOf(req, res, asked.query)
    using _wait = waitMs > 0 ? waits.enter(key.tenant, "wait") : undefined
    const { words, ...asNew } = await prepare(asked, key, idempotency)
    const { job, submitted } = await submit(asNew, words.prompt, idempotency)
    // Told of a connection that broke at the wrong moment, a job can be the replay of itself.
    const isNew = submitted.kind === "created" || (submitted.kind === "replayed" && submitted.id === job.id)
    if (!isNew) discardPrompt(job)
    const { id, ...place } = accepted(submitted, job)
    if (submitted.kind === "created") handOver(submitted.ready)
    if (!isNew) res.setHeader("Idempotent-Replayed", "true")
    const first = isNew ? { job, prompt: words.prompt } : await firstRequest.job(id, job, words.prompt)
    const hasEnded = first.job.spec.cachedFrom !== undefined
    const later = hasEnded || waitMs > 0 ? await atItsEnd(id, waitMs, res) : undefined
    return answer(res, later ?? view.atFirst(first.job, { prompt: first.prompt, ...place }))
  }

  /** The job as it is to be written. What can be refused cheaply is refused before any image is looked at. */
  async function prepare(
    { request, images, previousJob }: Asked,
    { tenant, id: key }: ApiKey,
    idempotency: Submission["idempotency"],
  ): Promise<Prepared & { words: Words }> {
    const { findTemplate, findPrevious, models, resolveInputs } = deps
    const type = images ? "edit" : "generation"
    const before = await firstRequest.words(request, tenant, idempotency)
    const words = before ?? (await findWords(request, { findTemplate, tenant, type }))
    const known = images && (await firstRequest.edited(tenant, idempotency))
    const continued =
      images && previousJob ? await findPrevious(tenant, previousJob, { images, known }) : undefined
    const caller = { models, tenant, key, now: new Date() }
    const { job, excess } = newJob(request, words, { ...caller, images: images?.length, continued })
    // What is answered from the images of an earlier job costs nothing.
    if (excess && !request.cache) throw excess
    if (request.webhook && !(await firstRequest.wasMade(tenant, idempotency))) {
      await deps.checkWebhookUrl(request.webhook.url, "/webhook/url")
    }
    if (continued) job.spec.previous = continued.previous
    if (images) job.spec.inputs = known?.inputs ?? (await resolveInputs(tenant, continued?.images ?? images))
    return { job: await withStoredPrompt(job, words.prompt, documents), excess, words }
  }

  /** Whatever goes wrong while it is waited for: the job was taken, and that has to be told. */
  async function atItsEnd(id: string, ms: number, res: Response): Promise<Job | undefined> {
    try {
      const record = await untilEnded({ ledger, feed }, id, { ms, signal: patienceOf(res, closing) })
      return record && (await view.of(record))
    } catch (err) {
      log.warn({ err, job: id }, "a wait was cut short")
      return undefined
    }
  }

  function discardPrompt({ id, tenant, spec }: NewJob): void {
    if (spec.promptKey === null) return
    storage.removeAll(jobPrefix({ tenant, createdAt: idTime(id), id })).catch((err: unknown) => {
      log.warn({ err, job: id }, "the prompt of a request that made no job is left behind")
    })
  }
}
export type SubmitJob = ReturnType<typeof createSubmitJob>

/** Which job the request made or had made before; throws when it made none. */
function accepted(submitted: Submitted, job: NewJob): FirstPlace & { id: string } {
  switch (submitted.kind) {
    case "created":
      return { ...submitted, id: job.id }
    case "replayed":
      return submitted
    case "mismatch":
      throw mismatch()
    case "full":
      throw queueFull()
    case "unaffordable":
      throw unaffordable(submitted)
    case "excessive":
      throw submitted.refusal
  }
}

async function withStoredPrompt(job: NewJob, prompt: string, documents: Documents): Promise<NewJob> {
  if (Buffer.byteLength(prompt) <= longestPromptBytes) return job
  const promptKey = documentKey({
    tenant: job.tenant,
    createdAt: idTime(job.id),
    id: job.id,
    name: "prompt.txt",
  })
  await documents.write(promptKey, prompt)
  return { ...job, spec: { ...job.spec, prompt: null, promptKey } }
}

function answer(res: Response, job: Job): Answer<Job> {
  const isEnded = isTerminal(job.status)
  res.setHeader("Location", `/v1/jobs/${job.id}`)
  return { status: isEnded ? 200 : 202, body: job }
}

/** Writes a job down, or answers it from the images of an earlier one where that is wanted. */
function createSubmit(deps: Deps) {
  const answerFromEarlier = createAnswerFromEarlier(deps)
  return async (
    { job, excess }: Prepared,
    prompt: string,
    idempotency: Submission["idempotency"],
  ): Promise<{ job: NewJob; submitted: Submitted }> => {
    const answered = await answerFromEarlier(job, prompt, idempotency)
    if (answered) return answered
    // The same request again is answered with its job, whatever there is to copy now.
    if (excess && !(idempotency && (await deps.ledger.madeBefore(job.tenant, idempotency)))) {
      return { job, submitted: { kind: "excessive", refusal: excess } }
    }
    const forecast = await deps.ledger.foresee(job.tenant, job.model)
    return { job, submitted: await deps.ledger.submit({ job, idempotency, forecast }) }
  }
}
