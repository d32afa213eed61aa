import { isTerminal, operations, type BatchEvent, type JobEvent, type Operation } from "@kiln/contract"
import { EventSourceParserStream } from "eventsource-parser/stream"

import type { Client } from "./client.ts"
import { KilnUnreachable, refusalOf } from "./kiln-error.ts"
import { pause } from "./pause.ts"
import { backOffMs } from "./send-patiently.ts"
import { hasEnded } from "./wait.ts"

type Watch = {
  signal?: AbortSignal | undefined
  /** The position of the last event that is known: the id that the event came with. */
  after?: string
}

/** An event may carry a whole job with its longest prompt. */
const longestEvent = 4_000_000
/** Connections in a row that may break before any event came. */
const mostFailures = 8

/** What happens to a job, up to its end; a connection that breaks is opened again and nothing is missed. */
export async function* watchJob(client: Client, id: string, options: Watch = {}): AsyncGenerator<JobEvent> {
  for await (const data of events(client, operations.watchJob, id, options)) {
    const event = JSON.parse(data) as JobEvent
    yield event
    if (event.type !== "job.output" && isTerminal(event.data.status)) return
  }
}

/** Each item that ends, and the progress of all, up to the batch's end; nothing is missed. */
export async function* watchBatch(
  client: Client,
  id: string,
  options: Watch = {},
): AsyncGenerator<BatchEvent> {
  for await (const data of events(client, operations.watchBatch, id, options)) {
    const event = JSON.parse(data) as BatchEvent
    yield event
    const isOfBatch = event.type === "batch.completed" || event.type === "batch.canceled"
    if (isOfBatch && hasEnded(event.data)) return
  }
}

type Watchable = Operation & typeof operations.watchJob
type WatchableBatch = Operation & typeof operations.watchBatch

async function* events(
  client: Client,
  operation: Watchable | WatchableBatch,
  id: string,
  { signal, after }: Watch,
): AsyncGenerator<string> {
  let position = after
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted()
    const headers = position === undefined ? {} : { "last-event-id": position }
    const response = await client.request(operation, { params: { id }, headers, signal })
    // 204: the last event that arrived was the last that there will be.
    if (response.status === 204) return
    if (!response.ok || !response.body) throw await refusalOf(response)
    const messages = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ maxBufferSize: longestEvent }))
    try {
      for await (const { id: at, data } of messages) {
        position = at ?? position
        failures = 0
        yield data
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (failures >= mostFailures)
        throw new KilnUnreachable("the events break off again and again", { cause: error })
    }
    await pause(backOffMs(failures, Math.random()), signal)
  }
}
