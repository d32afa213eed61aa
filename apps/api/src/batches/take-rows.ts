import { setImmediate as turn } from "node:timers/promises"

import { digestOf, readRows, RowsFailure, type Manifests, type RowFormat } from "@kiln/batches"
import {
  BatchItemRequest,
  fieldErrorsOf,
  mostBatchItems,
  Refusal,
  type ApiKey,
  type BatchOptions,
  type FieldError,
} from "@kiln/contract"
import { isObject, rawItems, type BatchRow, type RawItem } from "@kiln/jobs"
import type { ReadBatch } from "@kiln/ledger"

import type { FinishedBefore } from "./finished-before.ts"
import type { PrepareItem } from "./prepare-item.ts"
import { createRefusedRows, tooMany, unreadableRows } from "./refused-rows.ts"

type Deps = { manifests: Manifests; prepareItem: PrepareItem }

export type RowsToTake = {
  file: { path: string; format: RowFormat }
  options: BatchOptions
  batch: { id: string; tenant: string }
  caller: ApiKey
  finished: FinishedBefore | undefined
  signal: AbortSignal
  /** Called now and then while rows are read. */
  beat: () => Promise<void>
}

/** Items after which others get their turn. */
const itemsATurn = 25

/** What is done with rows that are good. */
export type Sink<End> = {
  /** `isChecked`: it is only to be checked, as nothing will be taken any more. */
  add(item: BatchItemRequest, how: { digest: string; isChecked: boolean }): Promise<void>
  end(): Promise<End>
}

type RowsToRead = Pick<RowsToTake, "options" | "signal" | "beat"> & {
  rows: AsyncIterable<BatchRow> | Iterable<BatchRow>
}

/** Reads, checks and keeps the rows of a batch one after the other: memory does not grow with them. */
export function createTakeRows(deps: Deps) {
  return (given: RowsToTake): Promise<ReadBatch> =>
    readItems({ ...given, rows: readRows(given.file, given.signal) }, startKeeping(given, deps))
}
export type TakeRows = ReturnType<typeof createTakeRows>

/** Gives the items that rows make to a sink, one after the other. Throws a Refusal that names the rows that are not valid. */
export async function readItems<End>(
  { rows, options, signal, beat }: RowsToRead,
  sink: Sink<End>,
): Promise<End & { refused: ReadBatch["refused"] }> {
  const reading = startReading(options.on_invalid, sink)
  try {
    for await (const row of rows) {
      for (const raw of rawItems(row, options)) {
        await reading.take(raw)
        if (reading.seen() % itemsATurn === 0) {
          await turn()
          signal.throwIfAborted()
          await beat()
        }
      }
    }
  } catch (error) {
    if (!(error instanceof RowsFailure)) throw error
    if (error.line === null) throw unreadableRows(error)
    reading.giveUp(error.line, error.error)
  }
  return reading.end()
}

function startReading<End>(onInvalid: BatchOptions["on_invalid"], kept: Sink<End>) {
  const refused = createRefusedRows(onInvalid)
  const lines = new Map<string, number>()
  let seen = 0

  async function take(raw: RawItem): Promise<void> {
    seen += 1
    if (seen > mostBatchItems) throw tooMany(raw.line)
    const customId = nameOf(raw.value)
    const refuse = (errors: readonly FieldError[]) => refused.add(raw.line, customId, errors)
    if (raw.errors.length > 0) return refuse(raw.errors)
    const parsed = BatchItemRequest.safeParse(raw.value)
    if (!parsed.success) return refuse(fieldErrorsOf(parsed.error.issues, raw.value))
    const digest = digestOf(parsed.data.custom_id)
    const before = lines.get(digest)
    if (before !== undefined) {
      const detail = `is the name of an item in line ${before} already`
      return refuse([{ pointer: "/custom_id", code: "duplicate", detail }])
    }
    lines.set(digest, raw.line)
    try {
      await kept.add(parsed.data, { digest, isChecked: refused.isFatal() })
    } catch (error) {
      const wrong = rowErrors(error)
      if (!wrong) throw error
      refuse(wrong)
    }
    return undefined
  }

  return {
    seen: () => seen,
    take,
    /** The rows cannot be read on: whatever the caller wants of bad rows, all are refused. */
    giveUp(line: number, error: FieldError): void {
      refused.add(line, null, [error])
      throw refused.refusal()
    },
    async end(): Promise<End & { refused: ReadBatch["refused"] }> {
      if (refused.isFatal() || seen === refused.count()) throw refused.refusal()
      return { ...(await kept.end()), refused: { count: refused.count(), errors: refused.errors } }
    },
  }
}

/** Keeps the good rows in storage. */
function startKeeping(
  { batch, caller, finished, signal }: RowsToTake,
  { manifests, prepareItem }: Deps,
): Sink<Omit<ReadBatch, "refused">> {
  const prepare = prepareItem(caller)
  const writer = manifests.writer(batch, signal)
  let takenOver = 0
  let estimatedNanoUsd: number | null = 0
  return {
    async add(item, { digest, isChecked }) {
      const { custom_id, images } = item
      const checked = await prepare.check(item)
      if (isChecked) return
      const { job, fingerprint } = await prepare.keepInputs(checked, images)
      const known = finished?.get(digest)
      if (known?.fingerprint === fingerprint) {
        takenOver += 1
        return writer.add({ custom_id, fingerprint, made: known.job })
      }
      estimatedNanoUsd = plus(estimatedNanoUsd, checked.estimateNanoUsd)
      return writer.add({ custom_id, fingerprint, job })
    },
    async end() {
      await writer.end()
      return { items: writer.count(), estimatedNanoUsd, takenOver }
    },
  }
}

function nameOf(value: unknown): string | null {
  const name = isObject(value) ? value["custom_id"] : undefined
  return typeof name === "string" ? name.slice(0, 200) : null
}

const plus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b)

/** What a row is refused for; undefined when the fault is not the row's. */
function rowErrors(error: unknown): readonly FieldError[] | undefined {
  if (!(error instanceof Refusal)) return undefined
  const { code, errors, message } = error
  if (code !== "invalid_request" && code !== "unknown_field" && code !== "budget_exceeded") return undefined
  return errors.length > 0 ? errors : [{ pointer: "", code, detail: message }]
}
