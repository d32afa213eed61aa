import { once } from "node:events"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"

/** A port of this machine that was free a moment ago. */
export function freePort(): Promise<number> {
  return requirePort("127.0.0.1", 0)
}

/** The port, or a free one for 0, if the API can listen there; throws a sentence for the operator if it cannot. */
export async function requirePort(host: string, port: number): Promise<number> {
  try {
    return await listenOnce(host, port)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    const sentence =
      code === "EADDRINUSE"
        ? `Port ${port} is taken by another program: stop it, or set KILN_PORT to another port.`
        : `Kiln cannot listen on ${host}:${port} (${String(code)}): set KILN_HOST or KILN_PORT.`
    throw new Error(sentence, { cause: error })
  }
}

async function listenOnce(host: string, port: number): Promise<number> {
  const server = createServer().listen(port, host)
  await once(server, "listening")
  const { port: found } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return found
}
