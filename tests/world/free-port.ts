import { randomInt } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:net"

/** Below those that systems give to outgoing connections and to whoever asks for any port. */
const ports = [10_000, 32_768] as const

/**
 * A port of the loopback address that was free a moment ago, and that hardly anybody takes before its asker does: that
 * may be seconds later.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...ports)
    const server = createServer().listen(port, "127.0.0.1")
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, "close")
    return port
  }
}
