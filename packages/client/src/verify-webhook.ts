import type { Job, WebhookEventType } from "@kiln/contract"

import { bodyOf, headerOf, type RawRequest } from "./raw-request.ts"
import { WebhookError } from "./webhook-error.ts"

export type VerifyWebhookOptions = {
  /** How far the time of sending may be from now, in seconds; 300 unless told otherwise. */
  toleranceSeconds?: number
  /** For tests; milliseconds. */
  now?: () => number
}

type JobEventType = Extract<WebhookEventType, `job.${string}`>

/** An event that Kiln has surely sent. The same `id` may come again: it is the key to do things once. */
export type ReceivedWebhook = { id: string; timestamp: string } & (
  | {
      type: JobEventType
      /** The job as it was when this was sent; `truncated` when long texts were cut, the id alone when it was deleted. */
      data: (Job & { truncated?: true; deleted?: never }) | { id: string; object: "job"; deleted: true }
    }
  | { type: Exclude<WebhookEventType, JobEventType>; data: Record<string, unknown> }
)

/** More signatures than a rotation makes are not worth the time. */
const mostSignatures = 10

/**
 * Checks that Kiln sent this request, and gives its event. While a secret is being replaced, several may be given.
 * Throws WebhookError: answer it with 400.
 */
export async function verifyWebhook(
  request: RawRequest,
  secret: string | readonly string[],
  { toleranceSeconds = 300, now = Date.now }: VerifyWebhookOptions = {},
): Promise<ReceivedWebhook> {
  const id = needed(request, "webhook-id")
  const timestamp = needed(request, "webhook-timestamp")
  const signatures = signaturesOf(needed(request, "webhook-signature"))
  checkTime(timestamp, toleranceSeconds, now())
  const keys = await Promise.all([secret].flat().map((each) => keyOf(each)))
  const body = await bodyOf(request)
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), body)
  if (!(await isSigned(signed, signatures, keys))) {
    throw new WebhookError(
      "signature_not_valid",
      "No signature fits: the secret is another endpoint's, or the body is not the one that was sent",
    )
  }
  return eventOf(body, id)
}

function needed(request: RawRequest, name: string): string {
  const value = headerOf(request, name)
  if (!value) throw new WebhookError("header_missing", `The header ${name} is missing`)
  return value
}

function signaturesOf(header: string): Uint8Array<ArrayBuffer>[] {
  return header
    .split(" ")
    .slice(0, mostSignatures)
    .flatMap((part) => {
      const [version, signature = ""] = part.split(",")
      return version === "v1" ? (bytesOf(signature) ?? []) : []
    })
}

function checkTime(timestamp: string, toleranceSeconds: number, nowMs: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw new WebhookError("header_missing", "The header webhook-timestamp is no number of seconds")
  }
  const ageSeconds = nowMs / 1_000 - Number(timestamp)
  const off = Math.round(Math.abs(ageSeconds))
  if (ageSeconds > toleranceSeconds) {
    throw new WebhookError("timestamp_too_old", `The webhook was sent ${off} s ago, too long to be trusted`)
  }
  if (ageSeconds < -toleranceSeconds) {
    throw new WebhookError(
      "timestamp_too_new",
      `The webhook was sent ${off} s in the future: compare the clocks`,
    )
  }
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = bytesOf(secret.trim().replace(/^whsec_/, ""))
  if (bytes === undefined || bytes.length === 0) {
    throw new WebhookError(
      "secret_not_valid",
      "A secret is whsec_ and base64, as it was shown when the endpoint was made",
    )
  }
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"])
}

/** `verify` compares in a time that says nothing of where two signatures differ. */
async function isSigned(
  signed: Uint8Array<ArrayBuffer>,
  signatures: readonly Uint8Array<ArrayBuffer>[],
  keys: readonly CryptoKey[],
): Promise<boolean> {
  const checks = keys.flatMap((key) =>
    signatures.map((signature) => crypto.subtle.verify("HMAC", key, signature, signed)),
  )
  return (await Promise.all(checks)).includes(true)
}

function eventOf(body: Uint8Array, id: string): ReceivedWebhook {
  let event: unknown
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))
  } catch (cause) {
    throw new WebhookError("body_not_valid", "The body is no JSON", { cause })
  }
  if (!isEvent(event)) throw new WebhookError("body_not_valid", "The body is no event of Kiln")
  // Its signature says that it is Kiln's, and thereby that it has this shape.
  return { ...event, id } as ReceivedWebhook
}

function isEvent(value: unknown): value is { type: string; timestamp: string; data: object } {
  if (typeof value !== "object" || value === null) return false
  const { type, timestamp, data } = value as Partial<Record<string, unknown>>
  return (
    typeof type === "string" && typeof timestamp === "string" && typeof data === "object" && data !== null
  )
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return whole
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
