import assert from "node:assert/strict"

import { createClient, type Client } from "@kiln/client"
import { operations, type Batch, type BatchItem, type Problem } from "@kiln/contract"

import type { World } from "./world.ts"

type Caller = Pick<World, "url" | "key">
type Rows = {
  type: string
  body: string | Uint8Array
  query?: Record<string, string>
  headers?: Record<string, string>
}

/** Posts rows as they are. */
export async function postRows(
  { url, key }: Caller,
  { type, body, query, headers }: Rows,
): Promise<Response> {
  return fetch(`${url}/v1/batches?${new URLSearchParams(query).toString()}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": type, ...headers },
    body: typeof body === "string" ? body : Uint8Array.from(body),
  })
}

/** Posts rows that are taken. */
export async function takeRows(caller: Caller, rows: Rows): Promise<Batch> {
  const response = await postRows(caller, rows)
  assert.equal(response.status, 202, await response.clone().text())
  return (await response.json()) as Batch
}

/** Posts rows that are refused. */
export async function refuseRows(caller: Caller, rows: Rows): Promise<Problem> {
  const response = await postRows(caller, rows)
  assert.ok(response.status >= 400 && response.status < 500, await response.clone().text())
  return (await response.json()) as Problem
}

export const clientOf = ({ url, key }: Caller): Client => createClient({ baseUrl: url, key, retries: 0 })

/** The batch when it has ended. */
export async function endedBatch(client: Client, id: string, withinMs = 90_000): Promise<Batch> {
  const endsAt = Date.now() + withinMs
  for (;;) {
    const batch = await client.send(operations.getBatch, { params: { id }, query: { wait: 20 } })
    if (batch.completed_at !== null) return batch
    if (Date.now() > endsAt) throw new Error(`${id} has not ended: ${JSON.stringify(batch.counts)}`)
  }
}

/** All items that have ended, as the results tell them. */
export async function resultsOf(client: Client, id: string, follow: "0" | "1" = "1"): Promise<BatchItem[]> {
  const response = await client.request(operations.getBatchResults, { params: { id }, query: { follow } })
  const text = await response.text()
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as BatchItem]))
}
