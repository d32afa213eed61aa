import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"

import { JobFailure, Refusal, type ModelEntry, type Warning } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import type { PaintTurn } from "@kiln/jobs"
import type { JobRecord, PreviousOutput } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"

import type { Run } from "../running-jobs.ts"
import type { UpstreamOf } from "../upstream-of.ts"
import { fitHistory } from "./fit-history.ts"
import type { LoadedInput } from "./load-inputs.ts"
import { loadTurn, type LoadedTurn } from "./load-turn.ts"

/** What is said before the prompt: the turns of the conversation, with their keys, and the images of this turn. */
export type Asking = {
  history: readonly PaintTurn[]
  keys: readonly string[]
  inputs: readonly LoadedInput[]
}

/** The conversation that a job goes on with; one without a previous job has nothing but its own images. */
export type Conversation = {
  current(): Asking
  /** Begins anew from the last image, which is then the first input. Once, however many calls find out that it must be. */
  restart(reason: string): Promise<void>
  warnings(): readonly Warning[]
}

type Work = { epoch: number; record: JobRecord; model: ModelEntry; run: Run; inputs: readonly LoadedInput[] }
type Deps = {
  storage: Pick<Storage, "open">
  inputs: Pick<Inputs, "keepObject" | "load">
  upstreamOf: UpstreamOf
  spool: string
}

const gone = {
  turn: "an earlier answer of it is not kept any more",
  input: "an image of an earlier request is not kept any more",
} as const

/**
 * Brings the conversation of a job to this machine; its files are gone after the attempt. What cannot be said again as
 * it was is not said at all: then the last image is an input like any other, and a warning says why. Throws
 * `storage_error`, `input_unreachable` when even that image is gone, or Stopped.
 */
export async function loadConversation(work: Work, deps: Deps): Promise<Conversation & AsyncDisposable> {
  const { record, epoch, model } = work
  const folder = join(deps.spool, `${record.id}-${epoch}-conversation`)
  const warnings: Warning[] = []
  let asking: Asking = { history: [], keys: [], inputs: work.inputs }
  let restarted: Promise<void> | undefined
  const disposal = async () => rm(folder, { recursive: true, force: true })
  const { previous } = record.spec

  async function restart(reason: string): Promise<void> {
    if (!previous) return
    restarted ??= (async () => {
      const image = await loadImage(previous, folder, work, deps)
      asking = { history: [], keys: [], inputs: [image, ...work.inputs] }
      const detail = `the conversation starts anew from its last image: ${reason}`
      warnings.push({ code: "conversation_restarted", detail })
    })()
    return restarted
  }

  try {
    if (previous) {
      await mkdir(folder, { recursive: true })
      const turns = await loadTurns(previous.turnKey, folder, work, deps)
      const limits = { newImages: work.inputs.length, mostImages: model.capabilities.max_input_images }
      const kept = Array.isArray(turns) ? fitHistory(turns, limits) : []
      if (!Array.isArray(turns)) await restart(turns)
      else if (kept.length === 0) await restart("its last answer is larger than what can be said again")
      else {
        asking = { ...asking, history: kept.map(({ turn }) => turn), keys: kept.map(({ key }) => key) }
        if (kept.length < turns.length) warnings.push(shortened(turns.length - kept.length))
      }
    }
  } catch (error) {
    await disposal()
    throw error
  }
  return { current: () => asking, restart, warnings: () => warnings, [Symbol.asyncDispose]: disposal }
}

const shortened = (turns: number): Warning => ({
  code: "conversation_shortened",
  detail: `the conversation has become too long: its oldest ${turns === 1 ? "turn was" : `${turns} turns were`} left out`,
})

/** All turns, oldest first; or a sentence that says why they cannot be said again. */
async function loadTurns(
  lastKey: string,
  folder: string,
  { model, run }: Work,
  { storage, upstreamOf }: Deps,
): Promise<LoadedTurn[] | string> {
  const load = (key: string, index: number) =>
    loadTurn(key, `${index}`, { storage, folder, signal: run.stop })
  const last = await load(lastKey, 0)
  if (typeof last === "string") return gone[last]
  if (last.upstream !== upstreamOf(model)) {
    return "it was with another model or upstream, and what one has signed the other does not accept"
  }
  const earlier: LoadedTurn[] = []
  // One after the other: a job holds one connection at a time.
  for (const [index, key] of last.history.entries()) {
    const turn = await load(key, index + 1)
    if (typeof turn === "string") return gone[turn]
    earlier.push(turn)
  }
  return [...earlier, last]
}

/** The last image as an input: made fit for models, as every input is. */
async function loadImage(
  { job, output, image }: PreviousOutput,
  folder: string,
  { record, run }: Work,
  { inputs }: Deps,
): Promise<LoadedInput> {
  const kept = await inputs.keepObject(record.tenant, image).catch((error: unknown) => {
    if (error instanceof Refusal) throw new JobFailure("invalid_request", error.message, { cause: error })
    throw error
  })
  const path = join(folder, "last-image")
  if (!kept || !(await inputs.load(kept.asset.key, path, run.stop))) {
    const sentence = `The image ${output} of ${job} is not kept any more`
    throw new JobFailure("input_unreachable", sentence, { retryable: false })
  }
  return { key: kept.asset.key, contentType: kept.asset.content_type, path }
}
