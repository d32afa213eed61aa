import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"

import { JobFailure, Refusal } from "@kiln/contract"
import { EgressError } from "@kiln/egress"
import type { Inputs } from "@kiln/inputs"
import { guidancePath, isGuidanceCode, type PaintInput } from "@kiln/jobs"
import type { JobRecord, KeptInput, Ledger, NamedInput } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"

import { insist, untilMendedMs } from "../insist.ts"
import { Stopped, type Run } from "../running-jobs.ts"
import { keepUrlOnce } from "./fetch-once.ts"
import { readPatiently } from "./read-patiently.ts"

/** An input image on this machine, and where it is kept. */
export type LoadedInput = PaintInput & { key: string }

type Work = { epoch: number; record: JobRecord; run: Run; log: Logger }
type Deps = { ledger: Pick<Ledger, "keepInput" | "fetched">; inputs: Inputs; spool: string }

/**
 * Brings a job's input images to this machine, fetching those that were only named; they are gone after the
 * attempt. Throws `input_unreachable`, `input_unreadable`, `storage_error`, or Stopped.
 */
export async function loadInputs(
  work: Work,
  deps: Deps,
): Promise<AsyncDisposable & { files: readonly LoadedInput[] }> {
  const asked = work.record.spec.inputs ?? []
  const folder = join(deps.spool, `${work.record.id}-${work.epoch}-inputs`)
  const disposal = async () => rm(folder, { recursive: true, force: true })
  try {
    if (asked.length > 0) await mkdir(folder, { recursive: true })
    const files: LoadedInput[] = []
    // One after the other: a job holds one connection and one decoder at a time.
    for (const [index, given] of asked.entries()) {
      const input = "asset" in given ? given : await fetched(given, index, work, deps)
      const path = join(folder, `${index}`)
      const { stop } = work.run
      if (!(await readPatiently(() => deps.inputs.load(input.key, path, stop), work))) {
        const sentence = `Input image ${index} is not kept any more`
        throw new JobFailure("input_unreachable", sentence, { retryable: false })
      }
      files.push({ key: input.key, contentType: input.content_type, path })
    }
    return { files, [Symbol.asyncDispose]: disposal }
  } catch (error) {
    await disposal()
    throw error
  }
}

/** What an earlier attempt fetched is taken as it was. */
async function fetched(given: NamedInput, index: number, work: Work, deps: Deps): Promise<KeptInput> {
  const { record, epoch, run, log } = work
  const known = record.fetched.get(index)
  if (known) return known
  const fetching = { signal: run.stop, failureOf }
  const keeping =
    "url" in given
      ? keepUrlOnce(record, given.url, fetching, deps)
      : deps.inputs.keepNamed(record.tenant, given.object, run.stop).then(({ asset }) => asset)
  const photo = await keeping.catch((error: unknown) => {
    throw atIndex(failureOf(error), index)
  })
  const { id, key, content_type, width, height } = photo
  const input = { asset: id, key, content_type, width, height }
  const kept = await insist(() => deps.ledger.keepInput({ id: record.id, epoch, index, input }), {
    signal: run.lost,
    lastTry: run.leaving,
    forMs: untilMendedMs,
    onError: (error) => log.warn({ err: error, index }, "input not recorded yet"),
  })
  if (kept !== "kept") throw new Stopped("lock_lost")
  return input
}

/** What is wrong with a photo, whoever names it. */
function failureOf(error: unknown): unknown {
  if (error instanceof EgressError) {
    const code = error.code === "too_large" ? "input_unreadable" : "input_unreachable"
    return new JobFailure(code, error.message, { cause: error, retryable: error.retryable })
  }
  if (error instanceof Refusal) return new JobFailure("invalid_request", error.message, { cause: error })
  return error instanceof JobFailure ? withAdvice(error) : error
}

/** A job's failure has no word for the field, so the page that the word names goes into the sentence. */
function withAdvice(failure: JobFailure): JobFailure {
  const { code, reason, message, retryable } = failure
  if (reason === undefined || !isGuidanceCode(reason)) return failure
  return new JobFailure(code, `${message}; see ${guidancePath(reason)}`, { cause: failure, retryable })
}

/** The same, with which of the job's images it is. */
function atIndex(error: unknown, index: number): unknown {
  if (!(error instanceof JobFailure) || !error.code.startsWith("input_")) return error
  const { code, retryable } = error
  return new JobFailure(code, `Input image ${index}: ${error.message}`, { cause: error, retryable })
}
