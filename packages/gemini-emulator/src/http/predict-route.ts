import { setTimeout as sleep } from "node:timers/promises"

import { predict, readImagenOrder } from "../generate/predict.ts"
import { GoogleError } from "../google-error.ts"
import { asPredictRequest, predictRequest } from "../messages/predict-request.ts"
import { unknownModel } from "../models/find-model.ts"
import { imagenModels } from "../models/imagen.ts"
import { chooseScenarios } from "../scenarios/choose-scenarios.ts"
import { readRequest } from "../schema/read-request.ts"
import { cut } from "./cut.ts"
import { readBody } from "./read-body.ts"
import { refusalOf } from "./refusal.ts"
import { sendJson, sendReply } from "./send.ts"
import { type Visit, versionOf } from "./visit.ts"

/** Imagen's method: gone from this API, unless the emulator was told to be a gateway that still serves it. */
export async function predictRoute(visit: Visit): Promise<void> {
  const { state, key } = visit
  const id = visit.params["model"] ?? ""
  const model = imagenModels.find((known) => known.id === id)
  if (!state.servesImagen || model === undefined) throw unknownModel(id, versionOf(visit), "predict")
  const body = await readBody(visit.request, state.maxRequestBytes)
  const order = readImagenOrder(model, asPredictRequest(readRequest(predictRequest, body, versionOf(visit))))
  const chosen = chooseScenarios(order.prompt, visit.request.get("x-emulator-scenario"))
  const names = chosen.map(({ scenario }) => scenario.name)
  visit.call.scenario = names.join(",") || null
  state.quotas.take(key, model.id, true)
  const refusal = refusalOf(visit, chosen, order.prompt)
  if (refusal instanceof GoogleError) throw refusal
  if (refusal !== undefined) return sendReply(visit, refusal)
  const wires = chosen.map(({ scenario, argument }) => scenario.wire?.(argument) ?? {})
  const { ending, delayMs = 0 } = Object.assign({}, ...wires)
  if (ending === "cut") return cut(visit.response)
  const filter = names.includes("image_safety") ? "told" : names.includes("no_image") ? "silent" : "none"
  const [least, most] = state.latencyMs
  const latencyMs = ending === "hang" ? 2 ** 31 - 1 : least + Math.random() * (most - least) + delayMs
  const [answer] = await Promise.all([
    predict(order, filter),
    sleep(latencyMs, undefined, { signal: visit.signal }),
  ])
  sendJson(visit, answer)
}
