import { once } from "node:events"

import type { Answer } from "../generate/answer.ts"
import { splitAnswer } from "../generate/split-answer.ts"
import { GoogleError } from "../google-error.ts"
import type { Wire } from "../scenarios/scenario.ts"
import { cut } from "./cut.ts"
import { jsonType, printJson } from "./send.ts"
import { queryOf, type Visit } from "./visit.ts"

/** Sends an answer whole, as server-sent events, or as a list of chunks, the way the scenario's wire wants it. */
export async function sendAnswer(visit: Visit, answer: Answer, wire: Wire): Promise<void> {
  const isStream = visit.params["method"] === "streamGenerateContent"
  if (wire.ending === "error" && !isStream) throw brokenOff()
  visit.call.status = 200
  visit.response.set("x-gemini-service-tier", answer.usageMetadata?.serviceTier ?? "standard")
  const pieces = isStream ? streamPieces(visit, answer, wire) : [rewritten(visit, answer, wire)]
  if (!isStream) visit.response.set("content-length", String(Buffer.byteLength(pieces[0] ?? "")))
  // Not with Express's own set(), which would add a charset.
  visit.response.setHeader("content-type", isStream && isSse(visit) ? "text/event-stream" : jsonType)
  visit.response.set("content-disposition", "attachment")
  const whole = wire.ending === "cut_body" ? pieces.slice(0, Math.ceil(pieces.length / 2)) : pieces
  for (const [index, piece] of whole.entries()) {
    const isLast = index === whole.length - 1
    if (wire.ending === "cut_body" && isLast) return cutWithin(visit, piece)
    if (!visit.response.write(piece)) await once(visit.response, "drain", { signal: visit.signal })
  }
  visit.response.end()
}

function streamPieces(visit: Visit, answer: Answer, wire: Wire): string[] {
  const chunks: unknown[] = splitAnswer(answer)
  if (wire.ending === "error") chunks.splice(-1, 1, brokenOff().body)
  if (isSse(visit)) {
    return chunks.map((chunk) => `data: ${(wire.rewrite ?? String)(JSON.stringify(chunk))}\r\n\r\n`)
  }
  const last = chunks.length - 1
  return chunks.map((chunk, index) => {
    const json = rewritten(visit, chunk, wire)
    return `${index === 0 ? "[" : ""}${json}${index === last ? "]\n" : "\n,\r\n"}`
  })
}

function rewritten(visit: Visit, value: unknown, { rewrite = String }: Wire): string {
  return rewrite(printJson(visit, value))
}

function isSse(visit: Visit): boolean {
  return queryOf(visit, "alt") === "sse"
}

function cutWithin({ response }: Visit, piece: string): void {
  response.write(piece.slice(0, piece.length / 2), () => cut(response))
}

function brokenOff(): GoogleError {
  return new GoogleError("UNAVAILABLE", "The model is overloaded. Please try again later.")
}
