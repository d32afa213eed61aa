import { once } from "node:events"
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** An HTTP server before another one, which can be told to hold requests back. */
export type HttpGate = AsyncDisposable & {
  url: string
  /** Holds the first request that matches, and all after it; resolves when one is held. */
  hold(matches: Matches): Promise<void>
  /** From now on requests that match are refused, as Gemini does with 503 unless told otherwise; undefined: none is. */
  overload(matches: Matches | undefined, refuse?: Refuse): void
  /** From now on requests that match are passed on only when `moment` says so; undefined: at once. */
  delay(matches: Matches | undefined, moment?: () => Promise<unknown>): void
  refused(): number
  /** Requests that have been passed on whole, answered or not. */
  passedOn(): number
}

type Matches = (request: IncomingMessage) => boolean
type Refuse = (response: ServerResponse) => void

export async function startHttpGate(target: string): Promise<HttpGate> {
  let holding: { matches: Matches; hit: () => void } | undefined
  let overloaded: { matches: Matches; refuse: Refuse } | undefined
  let delayed: { matches: Matches; moment: () => Promise<unknown> } | undefined
  let passedOn = 0
  let refused = 0
  const to = new URL(target)
  const server = createServer((incoming, outgoing) => {
    if (holding?.matches(incoming)) {
      holding.hit()
      return
    }
    if (overloaded?.matches(incoming)) {
      refused += 1
      incoming.resume()
      overloaded.refuse(outgoing)
      return
    }
    if (delayed?.matches(incoming)) {
      const passLater = () => pass(incoming, outgoing)
      delayed.moment().then(passLater, passLater)
      return
    }
    pass(incoming, outgoing)
  }).listen(0, "127.0.0.1")

  function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (outgoing.destroyed) return
    const forwarded = request(
      {
        host: to.hostname,
        port: to.port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    forwarded.on("error", () => outgoing.destroy()).once("finish", () => (passedOn += 1))
    outgoing.on("close", () => forwarded.destroy())
    incoming.on("error", () => forwarded.destroy()).pipe(forwarded)
  }

  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    hold(matches) {
      const { promise, resolve } = Promise.withResolvers<void>()
      holding = { matches, hit: resolve }
      return promise
    },
    overload: (matches, refuse = isOverloaded) => void (overloaded = matches && { matches, refuse }),
    delay: (matches, moment = async () => {}) => void (delayed = matches && { matches, moment }),
    refused: () => refused,
    passedOn: () => passedOn,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const overloadedBody = JSON.stringify({
  error: { code: 503, message: "The model is overloaded. Please try again later.", status: "UNAVAILABLE" },
})
const isOverloaded: Refuse = (response) =>
  void response.writeHead(503, { "content-type": "application/json" }).end(overloadedBody)
