import { resetState } from "../emulator-state.ts"
import { scenarios } from "../scenarios/scenarios.ts"
import { deleteFileRoute, getFileRoute, listFilesRoute } from "./file-routes.ts"
import { generateRoute } from "./generate-route.ts"
import { countTokensRoute, getModelRoute, listModelsRoute, notEmulatedRoute } from "./model-routes.ts"
import { predictRoute } from "./predict-route.ts"
import { sendJson } from "./send.ts"
import { uploadRoute } from "./upload-route.ts"
import type { Visit } from "./visit.ts"

export type Route = {
  method: "GET" | "POST" | "DELETE"
  pattern: RegExp
  answer(visit: Visit): Promise<void> | void
  /** Answered without a key: the emulator's own routes, and uploads, whose address is the proof. */
  isOpen?: true
  /** Reads scenarios itself, from the prompt. */
  readsPrompt?: true
}

const version = String.raw`(?<version>v1beta|v1)`
const model = String.raw`models/(?<model>[^/:]+)`
// Some HTTP clients percent-encode the colon.
const method = (name: string) => new RegExp(`^/${version}/${model}(?::|%3A)(?<method>${name})$`, "i")

/** Everything that is answered, in the order in which it is tried. */
export const routes: readonly Route[] = [
  { method: "POST", pattern: method("generateContent"), answer: generateRoute, readsPrompt: true },
  { method: "POST", pattern: method("streamGenerateContent"), answer: generateRoute, readsPrompt: true },
  { method: "POST", pattern: method("countTokens"), answer: countTokensRoute },
  { method: "POST", pattern: method("predict"), answer: predictRoute, readsPrompt: true },
  { method: "POST", pattern: method("batchGenerateContent"), answer: notEmulatedRoute },
  { method: "POST", pattern: new RegExp(`^/${version}/interactions$`), answer: notEmulatedRoute },
  { method: "GET", pattern: new RegExp(`^/${version}/batches`), answer: notEmulatedRoute },
  { method: "GET", pattern: new RegExp(`^/${version}/models/?$`), answer: listModelsRoute },
  { method: "GET", pattern: new RegExp(`^/${version}/${model}$`), answer: getModelRoute },
  { method: "POST", pattern: new RegExp(`^/upload/${version}/files$`), answer: uploadRoute, isOpen: true },
  { method: "GET", pattern: new RegExp(`^/${version}/files/?$`), answer: listFilesRoute },
  { method: "GET", pattern: new RegExp(`^/${version}/files/(?<file>[^/:]+)$`), answer: getFileRoute },
  { method: "DELETE", pattern: new RegExp(`^/${version}/files/(?<file>[^/:]+)$`), answer: deleteFileRoute },
  { method: "GET", pattern: /^\/emulator\/scenarios$/, answer: scenarioRoute, isOpen: true },
  { method: "GET", pattern: /^\/emulator\/calls$/, answer: callsRoute, isOpen: true },
  { method: "POST", pattern: /^\/emulator\/reset$/, answer: resetRoute, isOpen: true },
]

function scenarioRoute(visit: Visit): void {
  const listed = scenarios.map(({ name, description, argument }) => ({ name, description, argument }))
  sendJson(visit, { scenarios: listed })
}

function callsRoute(visit: Visit): void {
  sendJson(visit, { calls: visit.state.calls.list() })
}

function resetRoute(visit: Visit): void {
  resetState(visit.state)
  sendJson(visit, {})
}
