import type { IncomingMessage, ServerResponse } from "node:http"

import { answerUnreadable } from "./unreadable.ts"

export type ArrivalLimits = {
  windowMs: number
  /** Fewer in a window, and the request is cut off unless it is whole. */
  leastBytes: number
}

/**
 * Lets a body take as long as it needs while its bytes still flow: large files come over slow lines. Who only drips is
 * told 408 and cut off, so that a connection is not held for nothing.
 */
export function watchArrival(
  req: IncomingMessage,
  res: ServerResponse,
  { windowMs, leastBytes }: ArrivalLimits,
): void {
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"]) > 0
  if (!hasBody) return
  const { socket } = req
  let seen = socket.bytesRead
  let timer = setTimeout(look, windowMs).unref()
  req.once("close", () => clearTimeout(timer))

  function look(): void {
    // What arrived while this process was busy is read first.
    setImmediate(() => {
      if (req.complete || socket.destroyed) return
      if (socket.bytesRead - seen < leastBytes) {
        cutOff()
        return
      }
      seen = socket.bytesRead
      timer = setTimeout(look, windowMs).unref()
    })
  }

  function cutOff(): void {
    if (res.headersSent) socket.destroy()
    else answerUnreadable(Object.assign(new Error("Too slow"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), socket)
  }
}
