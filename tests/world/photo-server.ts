import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

import sharp from "sharp"

/** A photo of one colour, in the shape of its width and height. */
export const photoOf = (background: string, width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background } })
    .jpeg()
    .toBuffer()

/** A web server with one photo of 800 × 600, which answers 503 so many times before. */
export async function servePhoto({ failures = 0 } = {}) {
  const photo = await photoOf("#113311", 800, 600)
  let requests = 0
  const server = createServer((_request, response) => {
    requests += 1
    if (requests <= failures) response.writeHead(503).end()
    else response.end(photo)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo.jpg`,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
