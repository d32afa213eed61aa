import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** An S3-like server that has no object and takes every one, to throw it away. */
const server = createServer((request, response) => {
  request.resume()
  request.once("end", () => {
    if (request.method === "PUT") response.writeHead(200, { etag: '"0"' }).end()
    else response.writeHead(404).end()
  })
})
server.listen(0, "127.0.0.1")
await once(server, "listening")
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
