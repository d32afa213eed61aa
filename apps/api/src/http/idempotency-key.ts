import { hash } from "node:crypto"

import { Refusal } from "@kiln/contract"
import { canonicalJson } from "@kiln/jobs"
import type { Request } from "express"

export type IdempotencyKey = {
  /** The caller's words, unquoted. */
  text: string
  /** What the ledger knows it by: one route's keys are apart from another's. */
  scope: string
  /** Equal for equal requests. */
  fingerprint: string
}

/** The request's `Idempotency-Key`; throws `invalid_request` for one that is empty, too long or not printable. */
export function idempotencyKeyOf(req: Request, route: string, request: unknown): IdempotencyKey | undefined {
  const header = req.headers["idempotency-key"]
  if (header === undefined) return undefined
  const text = unquoted(String(header).trim())
  if (!/^[\x20-\x7e]{1,255}$/.test(text)) {
    const detail = "the Idempotency-Key has to be 1 to 255 printable ASCII characters"
    throw new Refusal("invalid_request", detail, {
      errors: [{ pointer: "", code: "invalid_header", detail }],
    })
  }
  return {
    text,
    scope: `${route}:${hash("sha256", text, "hex")}`,
    fingerprint: hash("sha256", canonicalJson({ route, request }), "hex"),
  }
}

/** A structured-field string (RFC 9651) and the bare words are the same key. */
const unquoted = (text: string): string =>
  /^"(?:[^"\\]|\\.)*"$/.test(text) ? text.slice(1, -1).replaceAll(/\\(.)/g, "$1") : text

export const mismatch = (): Refusal =>
  new Refusal("idempotency_mismatch", "This Idempotency-Key came with another request before; take a new one")
