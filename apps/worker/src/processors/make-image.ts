import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"

import { JobFailure, type Warning } from "@kiln/contract"
import { checkRatio, finishImage } from "@kiln/images"
import type { KeptOutput, Ledger, Spent } from "@kiln/ledger"
import { jobPrefix, type Storage } from "@kiln/storage"

import { insist, untilMendedMs } from "../insist.ts"
import { Stopped } from "../running-jobs.ts"
import type { UpstreamOf } from "../upstream-of.ts"
import { adopt, describeObject } from "./adopt.ts"
import type { MadeImage } from "./attempt-totals.ts"
import { callUpstream, type CallUpstream } from "./call-upstream.ts"
import { converse, type Called } from "./converse.ts"
import { keyOf, type ImageWork } from "./image-work.ts"
import { keepTurn } from "./keep-turn.ts"
import { claimPaid, notePaid, type PaidPicture } from "./paid-picture.ts"
import { patientStorage } from "./read-patiently.ts"
import { recallContent } from "./recall-content.ts"
import { spentOn } from "./spent-on.ts"
import type { SpoolRoom } from "./spool-room.ts"
import { createStorageGate, type StorageGate } from "./storage-gate.ts"

export type MakeImage = (work: ImageWork) => Promise<MadeImage>

type MakeImageOptions = CallUpstream & {
  ledger: Pick<Ledger, "keep">
  storage: Storage
  upstreamOf: UpstreamOf
  /** Folder for images on their way from the upstream to storage. */
  spool: string
  room: Pick<SpoolRoom, "passable" | "isDiskFull">
}
type Deps = MakeImageOptions & { gate: StorageGate }
type Bought = Called & PaidPicture

/** Makes one image of a job: calls the upstream, brings the bytes to the asked format, stores and records them. */
export function createMakeImage(options: MakeImageOptions): MakeImage {
  const deps = { ...options, gate: createStorageGate(options.storage) }
  return async (work) => {
    const adopted = await adopt(work, patientStorage(deps.storage, work))
    if (adopted) {
      await record(work, adopted.output, adopted.spent, deps)
      const { sha256 } = adopted.output
      const content = await recallContent(
        { ...work.record, index: work.index, sha256 },
        deps.storage,
        work.run.lost,
      )
      return { charged: "no", content, warnings: [] }
    }
    const files = spoolFiles(deps.spool, work)
    const paid = await claimPaid(files.folder, { ...work, spool: deps.spool })
    if (paid) work.log.info({ index: work.index }, "found the paid picture of an earlier attempt")
    const bought = paid ? { ...paid, asked: work.conversation.current() } : await buy(work, files, deps)
    const made = await keep(work, bought, files, deps)
    return paid ? { ...made, charged: "no" } : made
  }
}

async function buy(work: ImageWork, files: SpoolFiles, deps: Deps): Promise<Bought> {
  await deps.gate.passable(work)
  await deps.room.passable(work)
  try {
    // It is removed as a leftover by others when this process had nothing to do for a day.
    await mkdir(files.folder, { recursive: true })
    const called = await converse(work.conversation, (asked) =>
      callUpstream(work, asked, files.upstream, deps),
    )
    const bought = { ...called, isCounted: false }
    // A disk that is full by now has the picture, if not the note.
    await notePaid(files.folder, bought).catch((error: unknown) => {
      work.log.warn({ err: error, index: work.index }, "paid picture not noted")
    })
    return bought
  } catch (error) {
    await rm(files.folder, { recursive: true, force: true })
    throw error
  }
}

const spoolFiles = (spool: string, { record: { id }, epoch, index }: ImageWork) => {
  const folder = join(spool, `${id}-${epoch}-${index}`)
  return {
    folder,
    upstream: join(folder, "upstream"),
    finished: join(folder, "finished"),
    turn: join(folder, "turn"),
  }
}

type SpoolFiles = ReturnType<typeof spoolFiles>

async function keep(work: ImageWork, bought: Bought, files: SpoolFiles, deps: Deps): Promise<MadeImage> {
  const { painted, isCounted } = bought
  const spent = isCounted ? nothing : spentOn(painted.tokens, work.model)
  let isLeft = false
  let isStored = false
  try {
    isLeft = true
    const finished = await finishOnDisk(work, files, deps)
    const { output, warnings: more } = await store(work, { ...bought, ...finished, spent }, files, deps)
    isStored = true
    isLeft = false
    await record(work, output, spent, deps)
    const warnings = [...painted.warnings, ...more, ...ratioWarning(work, output)]
    return { charged: "yes", content: painted.content, warnings }
  } catch (error) {
    // Bytes that are no whole image are of no use to another attempt.
    if (error instanceof JobFailure && error.code === "upstream_error") isLeft = false
    if (error instanceof Stopped) {
      isLeft = false
      throw error
    }
    // The picture is paid although it could not be kept; a stored one is counted when it is adopted.
    if (!isStored) work.spend(spent)
    if (isLeft) {
      isLeft = await notePaid(files.folder, { painted, isCounted: true }).then(
        () => true,
        () => false,
      )
    }
    const failure = JobFailure.from(error)
    throw new JobFailure(failure.code, failure.message, {
      upstream: failure.upstream,
      charged: isCounted ? "no" : "yes",
      cause: failure,
    })
  } finally {
    if (!isLeft) await rm(files.folder, { recursive: true, force: true })
  }
}

const nothing: Spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }

type Finished = { output: KeptOutput; unchanged: string | undefined }

/** On a disk that is full it waits for room: the picture is paid. */
async function finishOnDisk(work: ImageWork, files: SpoolFiles, { room }: Deps): Promise<Finished> {
  let failure: unknown
  const step = async () => {
    try {
      return { finished: await finish(work, files) }
    } catch (error) {
      if (await room.isDiskFull()) throw error
      failure = error
      return undefined
    }
  }
  const done = await insist(step, {
    signal: work.run.lost,
    lastTry: work.run.leaving,
    forMs: untilMendedMs,
    onError: (error) =>
      work.log.warn({ err: error, index: work.index }, "image not written yet, the disk is full"),
  })
  if (!done) throw failure
  return done.finished
}

/** Brings the upstream's bytes to the asked format. */
async function finish(work: ImageWork, files: SpoolFiles): Promise<Finished> {
  const { parameters } = work.record.spec
  const facts = await finishImage({
    source: files.upstream,
    target: files.finished,
    format: parameters.output_format,
    ...(parameters.output_quality === undefined ? {} : { quality: parameters.output_quality }),
    signal: work.run.lost,
  })
  const output: KeptOutput = {
    key: keyOf(work),
    content_type: facts.contentType,
    bytes: facts.bytes,
    width: facts.width,
    height: facts.height,
    sha256: facts.sha256,
    upstream_content_type: facts.upstreamContentType,
  }
  return { output, unchanged: facts.converted ? undefined : files.upstream }
}

type Stored = { output: KeptOutput; warnings: Warning[] }

async function store(
  work: ImageWork,
  made: Bought & Finished & { spent: Spent },
  files: SpoolFiles,
  { storage, gate, ...deps }: Deps,
): Promise<Stored> {
  const { output } = made
  const storeTurn = () => keepTurn(work, { ...made, target: files.turn }, { ...deps, storage })
  const keepingTurn = storeTurn()
  keepingTurn.catch(() => undefined)
  const body = { path: files.finished, bytes: output.bytes, sha256: output.sha256 }
  const options = {
    contentType: output.content_type,
    metadata: describeObject(output, made.spent),
    ifAbsent: true,
    signal: work.run.lost,
  }
  let hadTrouble = false
  const put = () =>
    storage.put(output.key, body, options).catch((error: unknown) => {
      hadTrouble = true
      gate.shut()
      throw error
    })
  const { stored } = await insist(put, {
    signal: work.run.lost,
    lastTry: work.run.leaving,
    forMs: untilMendedMs,
    onError: (error) => work.log.warn({ err: error, key: output.key }, "image not stored yet"),
  })
  gate.open()
  // With the image, not after it: it costs no time. What storage did not take then, it may take now.
  const first = await keepingTurn
  const warnings = first.length > 0 && hadTrouble ? await storeTurn() : first
  if (stored) return { output, warnings }
  // An earlier attempt stored its own picture a moment ago: the object that is there is the truth.
  const earlier = await adopt(work, storage)
  return { output: earlier?.output ?? output, warnings }
}

async function record(work: ImageWork, output: KeptOutput, spent: Spent, deps: Deps): Promise<void> {
  const { epoch, index, run, log } = work
  const kept = await insist(() => deps.ledger.keep({ id: work.record.id, epoch, index, output, spent }), {
    signal: run.lost,
    lastTry: run.leaving,
    forMs: untilMendedMs,
    onError: (error) => log.warn({ err: error, index }, "image not recorded yet"),
  })
  if (kept === "gone") {
    work.spend(spent)
    await deps.storage.removeAll(jobPrefix(work.record))
  }
  if (kept !== "kept") throw new Stopped("lock_lost")
}

function ratioWarning({ record: { spec }, index }: ImageWork, { width, height }: KeptOutput) {
  const asked = spec.parameters.aspect_ratio
  const off = asked ? checkRatio({ width, height, aspectRatio: asked }) : undefined
  return off
    ? [{ code: "aspect_ratio_off", detail: `image ${index} is ${width}×${height}, which is not ${asked}` }]
    : []
}
