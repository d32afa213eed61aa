import { Refusal } from "@kiln/contract"
import type { Request, RequestHandler } from "express"

import { createReadBytes } from "./read-bytes.ts"

/** Of a request as JSON, decompressed. */
export const mostBodyBytes = 25 * 1024 * 1024

const utf8 = new TextDecoder("utf-8", { fatal: true })
const readBytes = createReadBytes({ mostBytes: mostBodyBytes, mostHeldBytes: 512 * 1024 * 1024 })

/** Reads a JSON body into `req.body`; without a body that stays undefined. */
export const readBody: RequestHandler = async (req, res, next) => {
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"]) > 0
  if (hasBody) {
    requireJson(req)
    const bytes = await readBytes(req, res)
    if (bytes.length > 0) req.body = parseJson(bytes)
  }
  next()
}

function requireJson(req: Request): void {
  // What nearly all send needs no closer look.
  if (req.headers["content-type"] === "application/json") return
  if (!req.is("application/json")) {
    throw new Refusal("unsupported_media_type", "The body has to be application/json")
  }
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(req.headers["content-type"] ?? "")?.[1] ?? "utf-8"
  if (!/^utf-?8$/i.test(charset)) {
    throw new Refusal("unsupported_media_type", "The body has to be application/json in UTF-8")
  }
}

/** An object or a list. Throws `invalid_request`, naming the `pointer`, for anything else. */
export function parseJson(bytes: Buffer, pointer = ""): object {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes))
    if (typeof value === "object" && value !== null) return value
  } catch {
    // Where it broke is not told: that would repeat what was sent.
  }
  const what = pointer === "" ? "the body" : `the part ${pointer.slice(1)}`
  const detail = `${what} is not valid JSON in UTF-8; it has to be one object`
  throw new Refusal("invalid_request", detail, { errors: [{ pointer, code: "invalid_json", detail }] })
}
