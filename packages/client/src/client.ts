import type { Operation, Problem, Reply, Request } from "@kiln/contract"

export type ClientOptions = {
  /** Where Kiln is, such as `http://127.0.0.1:8787`. */
  baseUrl: string
  /** An API key: `kiln_sk_…`. */
  key: string
  fetch?: typeof fetch
}

/** Parts of a request that are empty may be left out. */
export type Call<Of extends Operation> = Partial<Request<Of>> & {
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** Kiln refused a request; `problem` is what it answered (RFC 9457). */
export class KilnError extends Error {
  override name = "KilnError"
  readonly status: number
  readonly problem: Partial<Problem>

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? `Kiln answered ${status}`)
    this.status = status
    this.problem = problem
  }
}

/** Sends any operation of the contract. */
export function createClient({ baseUrl, key, fetch: send = fetch }: ClientOptions) {
  const root = baseUrl.replace(/\/+$/, "")

  /** The answer as it came, whatever its status. */
  async function request<Of extends Operation>(operation: Of, call: Call<Of> = {}): Promise<Response> {
    const { params, query, body, headers, signal } = call as Call<Operation>
    const url = new URL(root + pathOf(operation.path, params ?? {}))
    for (const [name, value] of pairsOf(query ?? {})) url.searchParams.append(name, value)
    return send(url, {
      method: operation.method.toUpperCase(),
      redirect: "manual",
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
  }

  return {
    request,

    /** The reply of a successful call; throws KilnError for a refusal. */
    async send<Of extends Operation>(operation: Of, call: Call<Of> = {}): Promise<Reply<Of>> {
      const response = await request(operation, call)
      const text = await response.text()
      if (!response.ok && response.status !== 302) throw new KilnError(response.status, problemOf(text))
      return (text === "" ? undefined : JSON.parse(text)) as Reply<Of>
    },
  }
}
export type Client = ReturnType<typeof createClient>

const pathOf = (path: string, params: Record<string, unknown>): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))

function pairsOf(query: Record<string, unknown>): [string, string][] {
  return Object.entries(query).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || value === null) return []
    if (typeof value !== "object") return [[name, `${value as string | number | boolean}`]]
    return Object.entries(value).map(([key, inner]) => [`${name}[${key}]`, String(inner)])
  })
}

function problemOf(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>
  } catch {
    return {}
  }
}
