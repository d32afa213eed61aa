import { Refusal } from "@kiln/contract"
import { json, type RequestHandler } from "express"

const mostBodyBytes = 25 * 1024 * 1024

/** Bytes of unfinished bodies that a process holds at the most, however many clients send slowly. */
const mostHeldBytes = 512 * 1024 * 1024
let heldBytes = 0

const jsonOnly: RequestHandler = (req, _res, next) => {
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"]) > 0
  if (hasBody && !req.is("application/json")) {
    throw new Refusal("unsupported_media_type", "The body has to be application/json")
  }
  next()
}

const holdNoMore: RequestHandler = (req, res, next) => {
  if (heldBytes > mostHeldBytes) {
    throw new Refusal("unavailable", "Too many large bodies are on their way", { retryAfterMs: 1_000 })
  }
  let own = 0
  req.on("data", (chunk: Buffer) => {
    own += chunk.length
    heldBytes += chunk.length
    if (heldBytes > mostHeldBytes) req.destroy()
  })
  res.once("close", () => {
    heldBytes -= own
  })
  next()
}

/** Reads a JSON body into `req.body`. */
export const readBody: readonly RequestHandler[] = [jsonOnly, holdNoMore, json({ limit: mostBodyBytes })]
