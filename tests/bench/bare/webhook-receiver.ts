import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/**
 * Takes webhooks and notes, by the wall clock, when the first byte of each was there. `GET /arrivals` gives and forgets
 * them; what goes to `/hangs` is never answered.
 */

/** `toldAt` is the time in the body; both are milliseconds. */
export type Arrival = { path: string; at: number; toldAt: number }

let arrivals: Arrival[] = []
let sample = ""

const server = createServer((request, response) => {
  const at = Date.now()
  if (request.method === "GET") {
    response.end(JSON.stringify({ arrivals, sample }))
    arrivals = []
    return
  }
  let body = ""
  request.setEncoding("utf8").on("data", (chunk: string) => {
    body += chunk
  })
  request.on("end", () => {
    sample = body
    const path = request.url ?? ""
    const toldAt = Date.parse(/"timestamp":"([^"]+)"/.exec(body)?.[1] ?? "")
    arrivals.push({ path, at, toldAt })
    if (path !== "/hangs") response.writeHead(204).end()
  })
}).listen(0, "127.0.0.1")
await once(server, "listening")
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
