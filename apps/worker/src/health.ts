import { once } from "node:events"
import { createServer } from "node:http"

type Options = {
  host: string
  port: number
  /** Why the worker cannot work just now; undefined when it can. */
  trouble: () => string | undefined
}

/** Serves `/healthz` and `/readyz` of a worker, for orchestrators. */
export async function serveHealth({ host, port, trouble }: Options): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    if (request.url === "/healthz") return answer(200, { status: "ok" })
    if (request.url !== "/readyz") return answer(404, { status: "not_found" })
    const why = trouble()
    return why
      ? answer(503, { status: "not_ready", detail: why })
      : answer(200, { status: "ready", detail: null })
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
