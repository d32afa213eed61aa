import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

import { isBearer } from "@kiln/runtime"

type Options = {
  host: string
  port: number
  /** Why the worker cannot work just now; undefined when it can. */
  trouble: () => string | undefined
  metrics: { text: () => Promise<string>; contentType: string; token: string | undefined }
}

/** Serves `/healthz`, `/readyz` and `/metrics` of a worker, for orchestrators and Prometheus. */
export async function serveHealth({ host, port, trouble, metrics }: Options): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1)
    switch (path) {
      case "/healthz":
        return answer(response, 200, { status: "ok" })
      case "/readyz": {
        const why = trouble()
        const status = why ? "not_ready" : "ready"
        return answer(response, why ? 503 : 200, { status, detail: why ?? null })
      }
      case "/metrics":
        tellMetrics(request, response, metrics).catch(() => response.destroy())
        return
      default:
        return answer(response, 404, { status: "not_found" })
    }
  })
  server.requestTimeout = 10_000
  server.listen(port, host)
  await once(server, "listening")
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
}

async function tellMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  { text, contentType, token }: Options["metrics"],
): Promise<void> {
  if (token !== undefined && !isBearer(request.headers.authorization, token)) {
    return answer(response, 401, { status: "unauthorized" })
  }
  response.writeHead(200, { "content-type": contentType }).end(await text())
}
