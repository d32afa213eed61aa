import { sign } from "./sign.ts"

/** What a way out to addresses of others answers; it is given by whoever has one. */
export type Answer =
  | { kind: "answered"; status: number; retryAfter: string | undefined; text: string }
  | { kind: "failed"; code: string; reason: string }

export type Post = (request: {
  url: string
  headers: Readonly<Record<string, string>>
  body: string
  signal?: AbortSignal
}) => Promise<Answer>

/** One event on its way to one address. */
export type Message = {
  /** The event's id, the same in every try. */
  id: string
  url: string
  /** Headers of the receiver's own choice; they never replace those of the delivery. */
  headers: Readonly<Record<string, string>>
  body: string
  /** The newest first; while it replaces an older one, both. */
  secrets: readonly string[]
}

export type Try = { at: Date; tookMs: number; answer: Answer }

type Options = {
  post: Post
  version: string
  now?: () => Date
}

export type Send = (message: Message, signal?: AbortSignal) => Promise<Try>

/** Sends messages as Standard Webhooks: every try is signed anew with its own time. Rejects with the signal's reason only. */
export function createSend({ post, version, now = () => new Date() }: Options): Send {
  const userAgent = `Kiln-Webhooks/${version}`
  return async ({ id, url, headers, body, secrets }, signal) => {
    const at = now()
    const timestampSeconds = Math.floor(at.getTime() / 1_000)
    const answer = await post({
      url,
      headers: {
        ...lowerCase(headers),
        "content-type": "application/json",
        "user-agent": userAgent,
        "webhook-id": id,
        "webhook-timestamp": `${timestampSeconds}`,
        "webhook-signature": sign({ id, timestampSeconds, body }, secrets),
      },
      body,
      ...(signal ? { signal } : {}),
    })
    return { at, tookMs: now().getTime() - at.getTime(), answer }
  }
}

/** Names of headers mean the same in any case, so that ours would not replace `Webhook-Id`. */
function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
