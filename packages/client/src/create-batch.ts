import { operations, type Batch, type BatchOptionsInput, type Estimate } from "@kiln/contract"

import type { Client, RowBody } from "./client.ts"

/** The rows are read and checked before the answer comes, up to 100 000 of them. */
const readingTimeoutMs = 900_000

type Sending = {
  signal?: AbortSignal | undefined
  /** To be sure that a second run of a program makes no second batch. */
  idempotencyKey?: string
}

/** Makes a batch of rows: a Blob of CSV or NDJSON, or a stream of them, which cannot be sent again. */
export async function createBatch(
  client: Client,
  rows: RowBody,
  options: BatchOptionsInput = {},
  { signal, idempotencyKey }: Sending = {},
): Promise<Batch> {
  return client.send(operations.createBatch, {
    ...contentOf(rows, options),
    ...(idempotencyKey === undefined ? {} : { headers: { "idempotency-key": idempotencyKey } }),
    timeoutMs: readingTimeoutMs,
    signal,
  })
}

/** What a batch of these rows would take; nothing is created, so that images need not be anywhere yet. */
export async function estimateBatch(
  client: Client,
  { type, content }: RowBody & { content: Blob },
  options: BatchOptionsInput = {},
  signal?: AbortSignal,
): Promise<Estimate> {
  const form = formOf(type, content, textsOf(options))
  return client.send(operations.createEstimate, { form, isSafe: true, timeoutMs: readingTimeoutMs, signal })
}

/** A form has room for many scenes; a stream is the body itself, and what goes with it stands in the query. */
function contentOf({ type, content }: RowBody, options: BatchOptionsInput) {
  const texts = textsOf(options)
  if (content instanceof Blob) return { form: formOf(type, content, texts) }
  return { rows: { type, content }, query: Object.fromEntries(texts) as BatchOptionsInput }
}

const textsOf = (options: BatchOptionsInput): [string, string][] =>
  Object.entries(options).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, typeof value === "string" ? value : JSON.stringify(value)]],
  )

function formOf(type: RowBody["type"], content: Blob, texts: readonly [string, string][]): FormData {
  const form = new FormData()
  for (const [name, text] of texts) form.append(name, text)
  form.append("file", content, type === "text/csv" ? "rows.csv" : "rows.ndjson")
  return form
}
