import { extname } from "node:path"

import { readJsonBody, RowsFailure, type JsonBody, type RowFormat } from "@kiln/batches"
import { BatchOptions, operations, refuseFields, Refusal, type Input } from "@kiln/contract"

import type { ReceivedFile } from "../http/receive-file.ts"
import { unreadableRows } from "./refused-rows.ts"

type Query = Input<typeof operations.createBatch>["query"]

/** A file of rows, and the part of a form in which it is. */
export const mostRowBytes = 2_000_000_000
export const rowsPart = "file"

const formats: Readonly<Record<string, RowFormat>> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "application/x-jsonlines": "ndjson",
  "text/csv": "csv",
  ".json": "json",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".csv": "csv",
}

/** How the rows are written, by the media type or else by the file's name. */
export function formatOf(contentType: string, fileName: string): RowFormat {
  const format = formats[contentType.toLowerCase()] ?? formats[extname(fileName).toLowerCase()]
  if (format) return format
  throw new Refusal(
    "unsupported_media_type",
    "The rows have to be application/json, application/x-ndjson or text/csv",
  )
}

/** What a batch says beside its rows: in the query, in the parts of a form, and in a JSON body, which has the last word. */
export async function batchOptions(
  { path, fields }: ReceivedFile & { path: string },
  format: RowFormat,
  query: Query,
  signal: AbortSignal,
): Promise<BatchOptions> {
  const body = format === "json" ? await readBody(path, signal) : undefined
  if (body && !body.member) throw missingRows()
  const parts = Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, partOf(name, text)]))
  const given = { ...query, ...parts, ...body?.options }
  const parsed = BatchOptions.safeParse(withoutAbsent(given))
  if (!parsed.success) throw refuseFields(parsed.error.issues, given)
  const { scenes } = parsed.data
  if (body?.member === "products" && !scenes) {
    throw wrong("/scenes", "required", "products need scenes to be in")
  }
  if (body?.member === "items" && scenes) {
    throw wrong("/scenes", "invalid_value", "scenes go with products, not with items")
  }
  // As they were given: with zod's own defaults in them, a scene would say what the batch's defaults say otherwise.
  const { defaults, scenes: givenScenes } = given as Pick<BatchOptions, "defaults" | "scenes">
  return { ...parsed.data, defaults, scenes: givenScenes }
}

async function readBody(path: string, signal: AbortSignal): Promise<JsonBody> {
  try {
    return await readJsonBody(path, signal)
  } catch (error) {
    throw error instanceof RowsFailure ? unreadableRows(error) : error
  }
}

const plain = new Set(["name", "on_invalid", "priority", "resume"])

function partOf(name: string, text: string): unknown {
  if (plain.has(name)) return text
  try {
    return JSON.parse(text)
  } catch {
    throw wrong(`/${name}`, "invalid_json", "has to be JSON")
  }
}

const withoutAbsent = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

const missingRows = () => wrong("/items", "required", "items, or products with scenes, are required")

const wrong = (pointer: string, code: string, detail: string): Refusal =>
  new Refusal("invalid_request", `${pointer.slice(1)}: ${detail}`, { errors: [{ pointer, code, detail }] })
