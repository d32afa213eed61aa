import { hasEnded } from "@kiln/client"
import { operations, type Batch } from "@kiln/contract"
import type { z } from "zod"

import { allOf } from "../all-of.ts"
import { exitCodes, type ExitCode } from "../exit-codes.ts"
import type { ResultsFlags, WatchFlags } from "../flags.ts"
import { batchInWords, usd } from "../in-words.ts"
import type { Session } from "../session.ts"
import { table } from "../table.ts"
import { exitCodeOf, followBatch } from "./follow-batch.ts"

const find = ({ client, signal }: Session, id: string): Promise<Batch> =>
  client.send(operations.getBatch, { params: { id }, signal })

export async function batchStatus(
  session: Session,
  [id = ""]: string[],
  { watch }: z.output<typeof WatchFlags>,
): Promise<ExitCode> {
  const batch = await find(session, id)
  if (watch) return followBatch(session, batch, { contactSheet: false, wait: true })
  session.terminal.result(batch, batchInWords(batch))
  return exitCodeOf(batch)
}

/** Saves the images, or prints a line for each item that has ended. */
export async function batchResults(
  session: Session,
  [id = ""]: string[],
  { format, ...saving }: z.output<typeof ResultsFlags>,
): Promise<ExitCode> {
  const { client, signal, terminal } = session
  const batch = await find(session, id)
  if (saving.out !== undefined) {
    return followBatch(session, batch, { ...saving, wait: saving.wait && !hasEnded(batch) })
  }
  session.onInterrupt(`${id} goes on. Come back with: kiln batch results ${id}`)
  const response = await client.request(operations.getBatchResults, {
    params: { id },
    query: { format, follow: saving.wait ? "1" : "0" },
    signal,
  })
  for await (const chunk of response.body ?? []) await terminal.raw(chunk)
  return exitCodeOf(await find(session, id))
}

type Act = "cancelBatch" | "pauseBatch" | "resumeBatch" | "retryFailedItems"

export const actOnBatch =
  (act: Act) =>
  async ({ client, signal, terminal }: Session, [id = ""]: string[]): Promise<ExitCode> => {
    const batch = await client.send(operations[act], { params: { id }, signal })
    terminal.result(batch, batchInWords(batch))
    return exitCodes.ok
  }

export async function deleteBatch(
  { client, signal, terminal }: Session,
  [id = ""]: string[],
): Promise<ExitCode> {
  await client.send(operations.deleteBatch, { params: { id }, signal })
  terminal.result({ id, deleted: true }, `${id}  deleted`)
  return exitCodes.ok
}

export async function listBatches({ client, signal, terminal }: Session): Promise<ExitCode> {
  const batches = await allOf((after) =>
    client.send(operations.listBatches, {
      query: { limit: 100, ...(after === undefined ? {} : { after }) },
      signal,
    }),
  )
  const rows = batches.map(({ id, status, counts, usage, created_at: at, name }) => [
    id,
    status,
    `${counts.succeeded}/${counts.total}`,
    usd(usage.cost_usd),
    at,
    name ?? "",
  ])
  terminal.result(batches, table(["ID", "STATUS", "MADE", "COST", "SINCE", "NAME"], rows))
  return exitCodes.ok
}
