import { JobFailure } from "@kiln/contract"
import { settle, type Models, type StopReason } from "@kiln/jobs"
import type { Handover, JobRecord, Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import type { Run, RunningJobs } from "../running-jobs.ts"
import { createAttemptTotals, type AttemptTotals } from "./attempt-totals.ts"
import type { MakeImage } from "./make-image.ts"
import { loadPrompt, promptDocuments } from "./prompt-documents.ts"
import type { WriteEnd } from "./write-end.ts"

type Deps = {
  ledger: Pick<Ledger, "begin">
  models: Models
  storage: Storage
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
  return async function generateImage(task: Handover, lockLost: AbortSignal): Promise<void> {
    using run = deps.running.start(task.id, lockLost)
    const begun = await deps.ledger.begin(task)
    if (begun.kind !== "begun") return
    const { epoch, record } = begun
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

type Work = { epoch: number; record: JobRecord; run: Run; totals: AttemptTotals; log: Logger }

async function makeImages({ epoch, record, run, totals, log }: Work, deps: Deps): Promise<void> {
  const model = deps.models.get(record.model)
  if (!model) {
    totals.failAll(new JobFailure("model_unavailable", `The model registry has no ${record.model} any more`))
    return
  }
  try {
    const prompt = await loadPrompt(record, promptDocuments(deps.storage), run.stop)
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
              index,
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
  } catch (error) {
    totals.failAll(error)
  }
}
