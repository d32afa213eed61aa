import { operations, type BatchItem } from "@kiln/contract"

import type { Client } from "./client.ts"
import { KilnUnreachable, refusalOf } from "./kiln-error.ts"
import { pause } from "./pause.ts"
import { backOffMs } from "./send-patiently.ts"

export type ResultsOptions = {
  signal?: AbortSignal | undefined
  /** Go on until the batch has ended; otherwise what has ended by now, in the order of the rows. */
  follow?: boolean
}

/** Connections in a row that may break before any item came. */
const mostFailures = 8

/** The items of a batch that have ended. A connection that breaks is opened again, and no end is told twice. */
export async function* resultsOf(
  client: Client,
  id: string,
  { signal, follow = false }: ResultsOptions = {},
): AsyncGenerator<BatchItem> {
  const told = new Map<number, string>()
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted()
    const response = await client.request(operations.getBatchResults, {
      params: { id },
      query: { follow: follow ? "1" : "0" },
      signal,
    })
    if (!response.ok || !response.body) throw await refusalOf(response)
    try {
      for await (const line of linesOf(response.body)) {
        const item = JSON.parse(line) as BatchItem
        const end = `${item.status} ${item.completed_at}`
        if (told.get(item.index) === end) continue
        told.set(item.index, end)
        failures = 0
        yield item
      }
      return
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof TypeError)) throw error
      if (failures >= mostFailures)
        throw new KilnUnreachable("the results break off again and again", { cause: error })
    }
    await pause(backOffMs(failures, Math.random()), signal)
  }
}

/** Whole lines of a stream; the last may have no line break. */
async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = ""
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) if (line !== "") yield line
  }
  if (rest !== "") yield rest
}
