import { once } from "node:events"
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"

/** A proxy that can change a byte of every file that passes through it, as bad memory on the way would. */
export type DamagingProxy = AsyncDisposable & {
  url: string
  /** To where it passes requests on. */
  target: string
  damages: boolean
  /** Files that passed through. */
  files: number
}

export async function startDamagingProxy(): Promise<DamagingProxy> {
  const sendDamaged = async (answer: IncomingMessage, outgoing: ServerResponse) => {
    const bytes = await buffer(answer)
    const middle = bytes.length >> 1
    if (proxy.damages) bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
    outgoing.end(bytes)
  }
  const server = createServer((incoming, outgoing) => {
    const { method, url = "/", headers } = incoming
    const forwarded = request(new URL(url, proxy.target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      if (!url.startsWith("/files/")) {
        answer.pipe(outgoing)
        return
      }
      proxy.files += 1
      void sendDamaged(answer, outgoing)
    })
    forwarded.on("error", () => outgoing.destroy())
    outgoing.on("close", () => forwarded.destroy())
    incoming.on("error", () => forwarded.destroy()).pipe(forwarded)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const proxy: DamagingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: "",
    damages: false,
    files: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
  return proxy
}
