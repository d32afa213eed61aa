import type { Operation, Reply, Request } from "@kiln/contract"

import { KilnError, KilnUnreachable, problemOf } from "./kiln-error.ts"
import { sendPatiently } from "./send-patiently.ts"

export type ClientOptions = {
  /** Where Kiln is, such as `http://127.0.0.1:8787`. */
  baseUrl: string
  /** An API key: `kiln_sk_…`. */
  key: string
  fetch?: typeof fetch
  /** How often a request is sent again that got no answer, or none for now; 4 where it is absent. */
  retries?: number
  /** Milliseconds that an answer may take; longer than the API holds one back. */
  timeoutMs?: number
}

/** Rows of a batch as a body: a Blob can be sent again, a stream only once. */
export type RowBody = {
  type: "text/csv" | "application/x-ndjson"
  content: Blob | ReadableStream<Uint8Array>
}

/** Parts of a request that are empty may be left out. */
export type Call<Of extends Operation> = Partial<Request<Of>> & {
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** Instead of `body`, where the operation takes a file. */
  form?: FormData
  /** Instead of `body`, where the operation takes rows. */
  rows?: RowBody
  /** Sending it twice does no harm, although nothing in the operation says so. */
  isSafe?: boolean
  timeoutMs?: number
}

const usualTimeoutMs = 100_000
const usualRetries = 4

/** Sends any operation of the contract; what is safe to send again is, with an `Idempotency-Key` of its own. */
export function createClient(options: ClientOptions) {
  const { baseUrl, key, fetch: send = fetch } = options
  const { retries = usualRetries, timeoutMs = usualTimeoutMs } = options
  const root = baseUrl.replace(/\/+$/, "")

  /** The answer as it came, whatever its status. */
  async function request<Of extends Operation>(operation: Of, call: Call<Of> = {}): Promise<Response> {
    const { params, query, headers, signal, ...rest } = call as Call<Operation>
    const url = new URL(root + pathOf(operation.path, params ?? {}))
    for (const [name, value] of pairsOf(query ?? {})) url.searchParams.append(name, value)
    const { type, body, canRepeat } = contentOf(rest)
    const repeatable = retries > 0 && canRepeat
    const sent = new Headers({
      ...(repeatable && takesKey(operation) ? { "idempotency-key": crypto.randomUUID() } : {}),
      ...(type === undefined ? {} : { "content-type": type }),
      ...headers,
      authorization: `Bearer ${key}`,
    })
    const init = {
      method: operation.method.toUpperCase(),
      redirect: "manual",
      headers: sent,
      ...(body === undefined ? {} : { body, duplex: "half" as const }),
    } as const
    return sendPatiently((patience) => send(url, { ...init, signal: patience }), {
      retries: repeatable ? retries : 0,
      timeoutMs: rest.timeoutMs ?? timeoutMs,
      isSafe: operation.method !== "post" || sent.has("idempotency-key") || rest.isSafe === true,
      signal,
    })
  }

  return {
    request,

    /** The reply of a successful call; throws KilnError for a refusal, KilnUnreachable where there is no answer. */
    async send<Of extends Operation>(operation: Of, call: Call<Of> = {}): Promise<Reply<Of>> {
      const response = await request(operation, call)
      const text = await textOf(response, call.timeoutMs ?? timeoutMs, call.signal)
      if (!response.ok && response.status !== 302) throw new KilnError(response.status, problemOf(text))
      return (text === "" ? undefined : JSON.parse(text)) as Reply<Of>
    },

    /** GETs a signed URL, which proves itself: the key is not sent to it. */
    fetchSigned: (url: string, signal?: AbortSignal): Promise<Response> =>
      sendPatiently((patience) => send(url, { signal: patience }), {
        retries,
        timeoutMs,
        isSafe: true,
        signal,
      }),
  }
}
export type Client = ReturnType<typeof createClient>

const takesKey = ({ headers = {} }: Operation): boolean => "idempotency-key" in headers

type Content = { type?: string; body?: string | FormData | RowBody["content"]; canRepeat: boolean }

function contentOf({ body, form, rows }: Pick<Call<Operation>, "body" | "form" | "rows">): Content {
  if (form) return { body: form, canRepeat: true }
  if (rows) {
    return { type: rows.type, body: rows.content, canRepeat: rows.content instanceof Blob }
  }
  return body === undefined
    ? { canRepeat: true }
    : { type: "application/json", body: JSON.stringify(body), canRepeat: true }
}

/** The body, which may break off or stall after its head came. */
async function textOf(response: Response, timeoutMs: number, signal?: AbortSignal): Promise<string> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error("the answer stopped in the middle")), timeoutMs)
  try {
    return await Promise.race([response.text(), late.promise])
  } catch (cause) {
    signal?.throwIfAborted()
    throw new KilnUnreachable("the answer broke off", { cause })
  } finally {
    clearTimeout(timer)
  }
}

const pathOf = (path: string, params: Record<string, unknown>): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))

function pairsOf(query: Record<string, unknown>): [string, string][] {
  return Object.entries(query).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || value === null) return []
    if (typeof value !== "object") return [[name, `${value as string | number | boolean}`]]
    return Object.entries(value).map(([key, inner]) => [`${name}[${key}]`, String(inner)])
  })
}
