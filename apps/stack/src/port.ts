import { once } from "node:events"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"

/** A port that was free a moment ago. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  return listenOnce(host, 0)
}

/** Throws a sentence for the operator if the API could not listen there. */
export async function requirePort(host: string, port: number): Promise<void> {
  try {
    await listenOnce(host, port)
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
