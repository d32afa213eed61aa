import express, { type Express, type Request, type Response } from "express"

import type { EmulatorState } from "../emulator-state.ts"
import { GoogleError, internalError } from "../google-error.ts"
import { chooseScenarios } from "../scenarios/choose-scenarios.ts"
import { htmlError } from "../scenarios/error-scenarios.ts"
import { readKey } from "./api-key.ts"
import { wasCut } from "./cut.ts"
import { refusalOf } from "./refusal.ts"
import { type Route, routes } from "./routes.ts"
import { sendError, sendReply } from "./send.ts"
import type { Visit } from "./visit.ts"

/** Headers of the real API, and the one that tells that this is not it. */
const headers = {
  "x-kiln-emulator": "gemini",
  vary: "Origin, X-Origin, Referer",
  server: "scaffolding on HTTPServer2",
  "x-xss-protection": "0",
  "x-frame-options": "SAMEORIGIN",
  "x-content-type-options": "nosniff",
}

/** The emulator's HTTP side. `log` gets a line a call. */
export function createApp(state: EmulatorState, log: (line: string) => void): Express {
  const app = express()
  app.disable("x-powered-by")
  app.disable("etag")
  app.use((request, response) => handle(state, request, response, log))
  return app
}

async function handle(
  state: EmulatorState,
  request: Request,
  response: Response,
  log: (line: string) => void,
): Promise<void> {
  const visit = openVisit(state, request, response, log)
  try {
    await answer(visit)
  } catch (error) {
    if (visit.signal.aborted || response.destroyed) return
    if (!(error instanceof GoogleError)) log(`emulator fault: ${String(error)}`)
    if (response.headersSent) response.destroy()
    else sendError(visit, error instanceof GoogleError ? error : internalError())
  }
}

function openVisit(
  state: EmulatorState,
  request: Request,
  response: Response,
  log: (line: string) => void,
): Visit {
  const at = new Date(state.clock.now()).toISOString()
  const isOwn = request.path.startsWith("/emulator/")
  const facts = { at, method: request.method, path: request.path }
  const call = isOwn
    ? { ...facts, model: null, key: null, status: 0, scenario: null, durationMs: null, contents: null }
    : state.calls.open(facts)
  const startedAt = performance.now()
  const gone = new AbortController()
  response.set({ ...headers, "server-timing": "gfet4t7; dur=1" })
  response.once("close", () => {
    call.durationMs = Math.round(performance.now() - startedAt)
    if (!response.writableFinished && !wasCut(response)) call.status = 499
    gone.abort()
    log(
      `${call.method} ${call.path} ${call.status} ${call.durationMs} ms${call.scenario === null ? "" : ` [${call.scenario}]`}`,
    )
  })
  return { state, request, response, call, key: "", params: {}, signal: gone.signal }
}

async function answer(visit: Visit): Promise<void> {
  const { request } = visit
  const route = routes.find(({ method, pattern }) => method === request.method && pattern.test(request.path))
  if (route === undefined) return sendReply(visit, htmlError(404, "Not Found"))
  visit.params = route.pattern.exec(request.path)?.groups ?? {}
  visit.call.model = visit.params["model"] ?? null
  if (route.isOpen) return route.answer(visit)
  visit.key = readKey(request)
  visit.call.key = visit.key.slice(-4)
  return answerKnown(visit, route)
}

async function answerKnown(visit: Visit, route: Route): Promise<void> {
  if (route.readsPrompt) return route.answer(visit)
  const chosen = chooseScenarios("", visit.request.get("x-emulator-scenario"))
  visit.call.scenario = chosen.map(({ scenario }) => scenario.name).join(",") || null
  const refusal = refusalOf(visit, chosen, visit.request.path)
  if (refusal instanceof GoogleError) throw refusal
  return refusal === undefined ? route.answer(visit) : sendReply(visit, refusal)
}
