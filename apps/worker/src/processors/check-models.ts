import { JobFailure, type ModelEntry } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"

import { every } from "../every.ts"

/** Asks the upstream whether it serves a model. */
export type Probe = (model: ModelEntry, signal: AbortSignal) => Promise<"served" | "gone">

export type ModelChecks = {
  ledger: Pick<Ledger, "judgeModel" | "takeModelRound" | "endModelRound">
  models: Pick<Models, "entries">
  probe: Probe
  worker: string
  /** How often; 0 is never. */
  modelCheckMs: number
  log: Logger
}

const probeMs = 10_000
/** The round of a worker that died is taken by another one after so long. */
const longestRoundMs = 300_000
const lookMs = 60_000

/**
 * Asks at the start and then in each period for all models of the registry, one worker for all: what is gone is
 * marked and logged, and what is back too. A model that cannot be asked for stays as it is.
 */
export function startModelChecks(deps: ModelChecks): AsyncDisposable {
  const { ledger, worker, modelCheckMs, log } = deps
  const closing = new AbortController()
  const rounds = every(
    async () => {
      if (modelCheckMs === 0 || !(await ledger.takeModelRound(worker, longestRoundMs))) return
      await checkModels(deps, closing.signal)
      await ledger.endModelRound(worker, modelCheckMs)
    },
    {
      periodMs: Math.min(modelCheckMs || lookMs, lookMs),
      onTrouble: (error) => error && log.warn({ err: error }, "the models were not asked for"),
    },
  )
  return {
    async [Symbol.asyncDispose]() {
      closing.abort()
      await rounds[Symbol.asyncDispose]()
    },
  }
}

export async function checkModels(
  { ledger, models, probe, log }: Pick<ModelChecks, "ledger" | "models" | "probe" | "log">,
  signal: AbortSignal,
): Promise<void> {
  for (const model of models.entries()) {
    if (signal.aborted) return
    const { replaced_by: replacedBy, retires_on: retiresOn } = model
    const facts = { model: model.id, replacedBy, retiresOn }
    try {
      const said = await probe(model, AbortSignal.any([signal, AbortSignal.timeout(probeMs)]))
      const news = await ledger.judgeModel(model.id, said)
      // An end that was announced and has come is no surprise.
      const level = retiresOn !== null && Date.parse(retiresOn) < Date.now() ? "info" : "warn"
      if (news === "gone") log[level](facts, "the upstream does not serve this model")
      if (news === "back") log.info(facts, "the upstream serves this model again")
    } catch (error) {
      const { code, message } = JobFailure.from(error)
      log.debug({ ...facts, code, reason: message }, "the model could not be asked for")
    }
  }
}
