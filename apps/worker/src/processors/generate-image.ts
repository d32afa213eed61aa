import { randomUUID } from "node:crypto"

import { JobFailure } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import { settle, type Models, type StopReason } from "@kiln/jobs"
import type { Begun, Handover, JobRecord, Ledger } from "@kiln/ledger"
import { pictureFingerprint, type Reuse } from "@kiln/reuse"
import type { Logger } from "@kiln/runtime"
import { jobPrefix, type Storage } from "@kiln/storage"

import { insist, untilMendedMs } from "../insist.ts"
import type { Run, RunningJobs } from "../running-jobs.ts"
import type { UpstreamOf } from "../upstream-of.ts"
import { answerFromEarlier } from "./answer-from-earlier.ts"
import { createAttemptTotals, type AttemptTotals } from "./attempt-totals.ts"
import { loadConversation } from "./conversation.ts"
import { loadInputs } from "./load-inputs.ts"
import type { MakeImage } from "./make-image.ts"
import { loadPrompt, promptDocuments } from "./prompt-documents.ts"
import { patientStorage } from "./read-patiently.ts"
import type { SpoolRoom } from "./spool-room.ts"
import type { WriteEnd } from "./write-end.ts"

type Deps = {
  ledger: Pick<Ledger, "begin" | "keep" | "keepImagesUntil" | "keepInput" | "fetched">
  imageRetentionMs: number | undefined
  models: Models
  storage: Storage
  inputs: Inputs
  upstreamOf: UpstreamOf
  reuse: Reuse
  spool: string
  room: Pick<SpoolRoom, "passable">
  running: RunningJobs
  makeImage: MakeImage
  writeEnd: WriteEnd
  log: Logger
}

/**
 * The recipe: claim the job, make each image that it lacks (call → keep), settle. Whatever was kept by an
 * earlier attempt stays, and a process that dies in any line leaves a job that the next one can go on with.
 */
export function createGenerateImage(deps: Deps) {
  return async function generateImage(task: Handover): Promise<void> {
    using run = deps.running.start(task.id)
    const begun = await claim(task, run, deps)
    if (begun.kind !== "begun") return
    const { epoch, record } = begun
    run.claimed(epoch)
    const log = deps.log.child({ job: record.id, tenant: record.tenant, epoch })
    if (record.deadline) run.expireAt(record.deadline)

    const totals = createAttemptTotals(record)
    await makeImages({ epoch, record, run, totals, log }, deps)
    if (run.lost.aborted) return

    const stopped = run.stoppedBy() as StopReason | undefined
    const settlement = settle({ ...totals.result(), stopped })
    await deps.writeEnd({ record, epoch, settlement, totals, run, log })
  }
}

/** One execution claims once, however often it has to ask. */
async function claim(task: Handover, run: Run, { ledger, imageRetentionMs, log }: Deps): Promise<Begun> {
  const execution = randomUUID()
  const trying = { signal: run.lost, lastTry: run.leaving, forMs: untilMendedMs }
  const begun = await insist(() => ledger.begin(task, execution), {
    ...trying,
    onError: (error) => log.warn({ err: error, job: task.id }, "job not claimed yet"),
  })
  if (begun.kind !== "begun" || imageRetentionMs === undefined) return begun
  // Before there is anything to keep: whoever ends the job, its images are not forgotten.
  const until = new Date(Date.now() + imageRetentionMs)
  await insist(() => ledger.keepImagesUntil(jobPrefix(begun.record), until), {
    ...trying,
    onError: (error) => log.warn({ err: error, job: task.id }, "retention not noted yet"),
  })
  return begun
}

type Work = { epoch: number; record: JobRecord; run: Run; totals: AttemptTotals; log: Logger }

async function makeImages({ epoch, record, run, totals, log }: Work, deps: Deps): Promise<void> {
  const model = deps.models.get(record.model)
  if (!model) {
    totals.failAll(new JobFailure("model_unavailable", `The model registry has no ${record.model} any more`))
    return
  }
  if (totals.missing().length === 0) return
  if (record.isHopeless) {
    totals.failAll(new JobFailure("model_unavailable", `The upstream no longer serves ${record.model}`))
    return
  }
  const storage = patientStorage(deps.storage, { run, log })
  try {
    // A later attempt may have a paid picture here, which frees its room.
    if (record.spec.inputs && epoch === 1) await deps.room.passable({ run, log })
    await using inputs = await loadInputs({ epoch, record, run, log }, deps)
    await using conversation = await loadConversation(
      { epoch, record, model, run, inputs: inputs.files },
      { ...deps, storage },
    )
    const prompt = await loadPrompt(record, promptDocuments(storage), run.stop)
    const { type, spec } = record
    const fingerprint = pictureFingerprint({
      type,
      spec,
      model,
      prompt,
      inputs: inputs.files.map(({ key }) => key),
    })
    totals.shapedBy(fingerprint)
    if (await answerFromEarlier({ epoch, record, run, totals, log }, fingerprint, deps)) return
    await Promise.all(
      totals.missing().map(async (index) => {
        try {
          totals.kept(
            index,
            await deps.makeImage({
              epoch,
              record,
              model,
              prompt,
              conversation,
              index,
              isFurther: index !== totals.missing()[0],
              run,
              log,
              spend: (spent) => totals.spend(spent),
            }),
          )
        } catch (error) {
          totals.failed(index, error)
        }
      }),
    )
    totals.warn(conversation.warnings())
  } catch (error) {
    totals.failAll(error)
  }
}
