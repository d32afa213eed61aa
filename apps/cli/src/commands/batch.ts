import { dirname } from "node:path"

import { createBatch } from "@kiln/client"
import type { Batch, BatchOptionsInput } from "@kiln/contract"
import type { BatchRow } from "@kiln/jobs"
import type { z } from "zod"

import { openBatchFile, readScenes, rowsOf, rowsToSend, type BatchFile } from "../batch-file.ts"
import { exitCodes, RowsRefused, type ExitCode, type RefusedRow } from "../exit-codes.ts"
import { refusedRows } from "../explain.ts"
import { paintingOf, withoutAbsent, type BatchFlags } from "../flags.ts"
import { foresee } from "../foresee.ts"
import { plural } from "../in-words.ts"
import {
  imagesAsAssets,
  missingPhotos,
  notePhotos,
  uploadPhotos,
  withAssets,
  type LocalPhotos,
} from "../local-photos.ts"
import { barLine } from "../progress-line.ts"
import type { Session } from "../session.ts"
import { comeBack, followBatch } from "./follow-batch.ts"

type Flags = z.output<typeof BatchFlags>
type Plan = {
  file: BatchFile
  /** What goes with the rows, the photos of scenes still as files. */
  options: BatchOptionsInput
  scenesFolder: string
  photos: LocalPhotos
  /** Rows that are left out, because they or their photos cannot be read. */
  leftOut: readonly RefusedRow[]
}

/** `kiln batch products.csv --scenes scenes.json --out results` */
export async function batch(session: Session, [path = ""]: string[], flags: Flags): Promise<ExitCode> {
  const { signal, terminal } = session
  const plan = await planOf(path, flags, signal)
  if (plan.leftOut.length > 0) {
    if (plan.options.on_invalid !== "skip") throw new RowsRefused(plan.leftOut)
    terminal.say(`${refusedRows(plan.leftOut)}\nThese rows are left out.`)
  }
  if (!(await foresee(session, plan, flags.yes))) {
    terminal.say("Nothing was sent.")
    return exitCodes.failed
  }
  const accepted = await send(session, plan)
  session.onInterrupt(comeBack(accepted.id, flags.out))
  showRefused(session, accepted)
  if (flags.wait) {
    terminal.say(`${accepted.id}: ${plural(accepted.counts.total, "item")}`)
    return followBatch(session, accepted, flags)
  }
  terminal.result(accepted, accepted.id)
  terminal.say(comeBack(accepted.id, flags.out))
  return exitCodes.ok
}

async function planOf(path: string, flags: Flags, signal: AbortSignal): Promise<Plan> {
  const file = await openBatchFile(path, signal)
  const beside = flags.scenes === undefined ? {} : await readScenes(flags.scenes)
  const options = optionsOf({ ...file.options, ...beside }, flags)
  const scenesFolder = dirname(flags.scenes ?? path)
  const photos: LocalPhotos = new Map()
  for (const scene of [...(options.scenes ?? []), options.defaults]) {
    notePhotos(photos, scene, scenesFolder, null)
  }
  const unreadable: RefusedRow[] = []
  for await (const { line, value, errors } of rowsOf(file, signal)) {
    notePhotos(photos, value, dirname(path), line)
    for (const error of errors) unreadable.push({ ...error, line })
  }
  // Without photos the file is sent as it is, and Kiln says what it thinks of each row.
  const leftOut = photos.size === 0 ? [] : [...unreadable, ...(await missingPhotos(photos))]
  return { file, options, scenesFolder, photos, leftOut }
}

/** What the files say, then what the flags say. The API is the judge of it. */
function optionsOf(said: Record<string, unknown>, flags: Flags): BatchOptionsInput {
  const defaults = { ...(said["defaults"] as object | undefined), ...paintingOf(flags) }
  return withoutAbsent({
    ...said,
    ...withoutAbsent({
      defaults: { ...defaults, ...withoutAbsent({ prompt: flags.prompt }) },
      name: flags.name,
      priority: flags.priority,
      on_invalid: flags.onInvalid,
      resume: flags.resume,
      max_cost_usd: flags.maxCost,
      max_parallel: flags.maxParallel,
    }),
  })
}

async function send(session: Session, plan: Plan): Promise<Batch> {
  const { file, options, scenesFolder, photos } = plan
  const { client, signal, terminal } = session
  const paths = [...photos.keys()]
  const { assets, refused } = await uploadPhotos(client, photos, {
    signal,
    onDone: (done) =>
      terminal.progress((columns) =>
        barLine(done / paths.length, `${done}/${paths.length} photos uploaded`, columns),
      ),
  })
  if (refused.length > 0) throw new RowsRefused(refused)
  const asAssets = <Value>(value: Value) => imagesAsAssets(value, scenesFolder, assets) as Value
  const whole: BatchOptionsInput = {
    ...options,
    ...withoutAbsent({ scenes: options.scenes?.map(asAssets), defaults: asAssets(options.defaults) }),
  }
  const rows = paths.length === 0 ? undefined : withAssets(goodRows(plan, signal), dirname(file.path), assets)
  await using sent = await rowsToSend(file, rows, signal)
  session.onInterrupt("Kiln may have taken the batch: see `kiln batch list`.")
  return createBatch(client, sent, whole, { signal })
}

async function* goodRows({ file, leftOut }: Plan, signal: AbortSignal): AsyncGenerator<BatchRow> {
  const bad = new Set(leftOut.map(({ line }) => line))
  for await (const row of rowsOf(file, signal)) if (!bad.has(row.line)) yield row
}

function showRefused({ terminal }: Session, { refused }: Batch): void {
  if (refused.count === 0) return
  terminal.say(`${refusedRows(refused.errors)}\n${plural(refused.count, "row")} left out.`)
}
