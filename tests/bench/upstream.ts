import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"

/**
 * A bare stand-in for generateContent: the same picture for every prompt after a fixed time. `GET /calls` gives
 * and forgets how long each prompt's call took here, in milliseconds.
 */

type Body = { contents: { parts: { text: string }[] }[] }

/** Until the answer began, and until its last byte was handed to the system. */
export type UpstreamCall = { beganMs: number; sentMs: number }

const latencyMs = Number(process.env["LATENCY_MS"])
const replies = new Map(
  Object.entries(JSON.parse(process.env["IMAGES"] ?? "{}") as Record<string, string>).map(([model, path]) => [
    model,
    replyWith(readFileSync(path), path.endsWith(".png") ? "image/png" : "image/jpeg", model),
  ]),
)
let calls: Record<string, UpstreamCall> = {}

function replyWith(image: Buffer, mimeType: string, model: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      candidates: [
        {
          content: { parts: [{ inlineData: { mimeType, data: image.toString("base64") } }], role: "model" },
          finishReason: "STOP",
          index: 0,
        },
      ],
      usageMetadata: {
        promptTokenCount: 60,
        candidatesTokenCount: 1290,
        totalTokenCount: 1350,
        candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1290 }],
      },
      modelVersion: model,
      responseId: "bench",
    }),
  )
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/calls") {
    response.end(JSON.stringify(calls))
    calls = {}
    return
  }
  const startedAt = performance.now()
  const model = /\/models\/([^:]+):generateContent$/.exec(request.url?.split("?")[0] ?? "")?.[1]
  const reply = replies.get(model ?? "")
  if (!reply) {
    response.writeHead(404).end()
    return
  }
  const waited = sleep(latencyMs)
  const { contents } = (await json(request)) as Body
  const prompt = contents[0]?.parts[0]?.text ?? ""
  await waited
  const beganMs = performance.now() - startedAt
  response.writeHead(200, {
    "content-type": "application/json; charset=UTF-8",
    "content-length": reply.length,
  })
  response.end(reply)
  await once(response, "close")
  calls[prompt] = { beganMs, sentMs: performance.now() - startedAt }
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(0, "127.0.0.1")
await once(server, "listening")
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
