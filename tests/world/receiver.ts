import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

import { until } from "./until.ts"

export type Received = {
  path: string
  headers: IncomingHttpHeaders
  body: string
  /** By this process's clock, when the whole request was here. */
  at: number
  /** The event's id, and what the body says. */
  id: string
  type: string
  /** The id of the job, or of what else the event is about. */
  subject: string
}

/** What a receiver does with a request; a number is a status, undefined is 200. */
export type Reaction = (received: Received, response: ServerResponse) => number | undefined | void | "handled"

export type Receiver = AsyncDisposable & {
  url: string
  received: Received[]
  /** From now on. */
  react(reaction: Reaction): void
  /** The first request that matches, when it is there. */
  got(what: string, matches: (received: Received) => boolean): Promise<Received>
}

/** An HTTP server that takes webhooks as somebody's would. */
export async function startReceiver(first: Reaction = () => undefined): Promise<Receiver> {
  const received: Received[] = []
  let reaction = first
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = receivedOf(request, await text(request))
    received.push(one)
    const status = reaction(one, response) ?? 200
    if (status !== "handled") response.writeHead(status).end("noted")
  }
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy())
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    react(next) {
      reaction = next
    },
    got: (what, matches) => until(`the receiver got ${what}`, () => received.find(matches)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function receivedOf({ url = "", headers }: IncomingMessage, body: string): Received {
  const { type, data } = JSON.parse(body) as { type: string; data: { id?: string } }
  const id = String(headers["webhook-id"])
  return { path: url, headers, body, at: Date.now(), id, type, subject: data.id ?? "" }
}
