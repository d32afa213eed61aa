import type { Request, Response } from "express"

import { etagOf, isFresh } from "./etag.ts"

export type Sendable = {
  status: number
  headers?: Readonly<Record<string, string>> | undefined
  body: unknown
  /** Answers with a strong ETag, or 304 when the caller has this very body. */
  conditional?: boolean | undefined
}

/** Writes an answer; the body is made into text once, for the ETag and for the wire. */
export function send(req: Request, res: Response, { status, headers, body, conditional }: Sendable): void {
  res.statusCode = status
  for (const name in headers) res.setHeader(name, headers[name] ?? "")
  if (!res.hasHeader("Cache-Control")) {
    res.setHeader("Cache-Control", conditional ? "private, no-cache" : "no-store")
  }
  if (body === undefined) {
    res.end()
    return
  }
  const text = JSON.stringify(body)
  if (conditional) sendTagged(req, res, { text, etag: etagOf(text) })
  else sendText(res, text, json)
}

const json = "application/json; charset=utf-8"

/** A body that was made into text before, with its strong ETag and what else is said of it. */
export type Prepared = { text: string; etag: string; headers: Readonly<Record<string, string>> }

/** Writes an answer that was prepared before, or 304 when the caller has it. */
export function sendPrepared(req: Request, res: Response, prepared: Prepared): void {
  if (res.destroyed) return
  for (const name in prepared.headers) res.setHeader(name, prepared.headers[name] ?? "")
  res.setHeader("Cache-Control", "private, no-cache")
  sendTagged(req, res, prepared)
}

function sendTagged(req: Request, res: Response, { text, etag }: Omit<Prepared, "headers">): void {
  res.setHeader("ETag", etag)
  if (isFresh(req.headers["if-none-match"], etag)) {
    res.statusCode = 304
    res.end()
    return
  }
  sendText(res, text, json)
}

export function sendText(res: Response, text: string, contentType: string): void {
  res.setHeader("Content-Type", contentType)
  res.setHeader("Content-Length", Buffer.byteLength(text))
  res.end(text)
}
