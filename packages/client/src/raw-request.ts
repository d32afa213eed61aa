import { WebhookError } from "./webhook-error.ts"

/** What Node's and Express's requests have for headers. */
type PlainHeaders = Readonly<Record<string, string | readonly string[] | undefined>>
type WebHeaders = { get(name: string): string | null }

/**
 * A request with its body as it came: a web `Request`, an Express request behind `express.raw()` or `express.text()`, a
 * Node `IncomingMessage` that was not read yet, or headers and body by themselves.
 */
export type RawRequest =
  | { headers: WebHeaders; arrayBuffer(): Promise<ArrayBuffer> }
  | { headers: PlainHeaders | WebHeaders; body?: unknown; rawBody?: unknown }
  | ({ headers: PlainHeaders } & AsyncIterable<unknown>)

/** Kiln's bodies have 20 KB; what is far longer is somebody else's. */
const mostBytes = 1024 * 1024

const parsed =
  "The body was already parsed, and its signature is that of the bytes: read it raw, such as by express.raw({ type: '*/*' })"

export function headerOf({ headers }: RawRequest, name: string): string | undefined {
  if (isWebHeaders(headers)) return headers.get(name) ?? undefined
  const entry = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  return typeof entry === "string" ? entry : entry?.[0]
}

/** The bytes of the body. Throws WebhookError `body_not_raw`. */
export async function bodyOf(request: RawRequest): Promise<Uint8Array<ArrayBuffer>> {
  if ("arrayBuffer" in request && typeof request.arrayBuffer === "function") {
    if ("bodyUsed" in request && request.bodyUsed === true) throw wasRead()
    return new Uint8Array(await request.arrayBuffer())
  }
  const given = givenBody(request)
  if (typeof given === "string") return new TextEncoder().encode(given)
  if (given instanceof ArrayBuffer) return new Uint8Array(given)
  if (given instanceof Uint8Array) return new Uint8Array(given)
  if (given !== undefined && given !== null) throw new WebhookError("body_not_raw", parsed)
  if (Symbol.asyncIterator in request) return readAll(request)
  throw new WebhookError("body_not_raw", "There is no body to check")
}

/** Some platforms keep the bytes as `rawBody` beside the body that they parsed. */
function givenBody(request: RawRequest): unknown {
  if ("rawBody" in request && request.rawBody !== undefined) return request.rawBody
  return "body" in request ? request.body : undefined
}

async function readAll(stream: AsyncIterable<unknown>): Promise<Uint8Array<ArrayBuffer>> {
  if ("readableEnded" in stream && stream.readableEnded === true) throw wasRead()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk
    if (!(bytes instanceof Uint8Array)) throw new WebhookError("body_not_raw", parsed)
    chunks.push(bytes)
    length += bytes.length
    if (length > mostBytes) throw new WebhookError("body_not_valid", "The body is too long for a webhook")
  }
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function isWebHeaders(headers: object): headers is WebHeaders {
  return "get" in headers && typeof headers.get === "function"
}

function wasRead(): WebhookError {
  return new WebhookError(
    "body_not_raw",
    "The body was already read: check the webhook first, and use what it gives",
  )
}
