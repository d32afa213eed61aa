import { once } from "node:events"

import type { Response } from "express"

const heartbeatMs = 15_000
const reconnectMs = 2_000
/** A reader that takes nothing for so long is cut off; it comes back with its `Last-Event-ID`. */
const patienceMs = 30_000

export type EventStream = Disposable & {
  /** Sends an event; resolves when the reader is ready for more. */
  send(event: { id: string; type: string; data: unknown }): Promise<void>
  end(): void
}

/** Server-sent events on a response: nothing is buffered on the way, and nothing piles up for a slow reader. */
export function openEventStream(res: Response, signal: AbortSignal): EventStream {
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
  })
  res.write(`retry: ${reconnectMs}\n\n`)
  const heartbeat = setInterval(() => {
    if (!res.writableNeedDrain) res.write(": still here\n\n")
  }, heartbeatMs)

  async function drained(): Promise<void> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
    try {
      await once(res, "drain", { signal: patience })
    } catch {
      res.destroy()
    }
  }

  return {
    async send({ id, type, data }) {
      if (res.destroyed) return
      const isReady = res.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
      if (!isReady) await drained()
    },
    end: () => res.end(),
    [Symbol.dispose]: () => {
      clearInterval(heartbeat)
    },
  }
}
