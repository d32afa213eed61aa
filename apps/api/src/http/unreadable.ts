import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"

import { newId, Refusal } from "@kiln/contract"

import { describeRefusal, problemType } from "./problem.ts"

/** Answers what is not even an HTTP request, which no handler gets to see, with a problem document too. */
export function answerUnreadable(error: Error, socket: Duplex): void {
  const isGone = "code" in error && error.code === "ECONNRESET"
  if (isGone || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, detail } = ("code" in error && known[String(error.code)]) || unreadable
  const requestId = newId("req")
  const refusal = new Refusal("invalid_request", detail, { status })
  const text = JSON.stringify(describeRefusal(refusal, { instance: "/", requestId }))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `X-Request-Id: ${requestId}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ]
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`, () => socket.destroy())
}

const unreadable = { status: 400, detail: "This is not a request in HTTP/1.1" }
const known: Record<string, { status: number; detail: string } | undefined> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: "The URL and the headers are larger than 16 KB" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: "The request took too long to arrive" },
}
