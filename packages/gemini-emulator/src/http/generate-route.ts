import { setTimeout as sleep } from "node:timers/promises"

import { type AnswerMaker, createAnswerMaker } from "../generate/answer-maker.ts"
import type { Answer } from "../generate/answer.ts"
import { type CheckedRequest, checkRequest } from "../generate/check-request.ts"
import { partBytes, readInputs } from "../generate/read-inputs.ts"
import { readOrder } from "../generate/read-order.ts"
import { promptOf } from "../generate/request-parts.ts"
import { summariseContents } from "../generate/summarise-contents.ts"
import { usualAnswer } from "../generate/usual-answer.ts"
import { GoogleError } from "../google-error.ts"
import { type ChosenScenario, chooseScenarios } from "../scenarios/choose-scenarios.ts"
import { cut } from "./cut.ts"
import { readBody } from "./read-body.ts"
import { refusalOf } from "./refusal.ts"
import { sendAnswer } from "./send-answer.ts"
import { sendReply } from "./send.ts"
import { type Visit, versionOf } from "./visit.ts"

/** generateContent and streamGenerateContent. */
export async function generateRoute(visit: Visit): Promise<void> {
  const { state, key, params } = visit
  const body = await readBody(visit.request, state.maxRequestBytes)
  const checked = checkRequest({
    body,
    modelId: params["model"] ?? "",
    version: versionOf(visit),
    method: "generateContent",
    hasStrictSignatures: state.hasStrictSignatures,
    imageOf: (part) => partBytes(part, state.files, key),
  })
  visit.call.contents = summariseContents(checked.request, (part) => partBytes(part, state.files, key))
  const chosen = chooseScenarios(promptOf(checked.request), visit.request.get("x-emulator-scenario"))
  visit.call.scenario = chosen.map(({ scenario }) => scenario.name).join(",") || null
  const inputs = await readInputs(checked.request, state.files, key)
  state.quotas.take(key, checked.model.id, checked.model.image !== null)
  const refusal = refusalOf(visit, chosen, promptOf(checked.request))
  if (refusal instanceof GoogleError) throw refusal
  if (refusal !== undefined) return sendReply(visit, refusal)

  const wires = chosen.map(({ scenario, argument }) => scenario.wire?.(argument) ?? {})
  const wire = Object.assign({}, ...wires)
  if (wire.ending === "cut") return cut(visit.response)
  const maker = makerOf(visit, checked, inputs, chosen)
  const [answer] = await Promise.all([
    compose(maker, chosen),
    waitAsAsked(visit, wire.delayMs ?? 0, wire.ending),
  ])
  await sendAnswer(visit, answer, wire)
}

function makerOf(
  { state }: Visit,
  { request, model }: CheckedRequest,
  inputs: Awaited<ReturnType<typeof readInputs>>,
  chosen: readonly ChosenScenario[],
): AnswerMaker {
  const seed = request.generationConfig?.seed
  // Without a seed a prompt has four pictures, taken in turn: different, yet soon all cached.
  const variation = seed ?? state.paintings.count++ % 4
  const look = Object.assign({}, ...chosen.map(({ scenario }) => scenario.look))
  return createAnswerMaker({
    order: readOrder(request, model),
    inputs,
    paint: state.paint,
    look,
    variation,
    now: state.clock.now(),
  })
}

async function compose(maker: AnswerMaker, chosen: readonly ChosenScenario[]): Promise<Answer> {
  const composing = chosen.find(({ scenario }) => scenario.compose !== undefined)
  return (await composing?.scenario.compose?.(maker, composing.argument)) ?? usualAnswer(maker)
}

async function waitAsAsked(
  { state, signal }: Visit,
  delayMs: number,
  ending: string | undefined,
): Promise<void> {
  const [least, most] = state.latencyMs
  const latencyMs = least + Math.random() * (most - least)
  // A hanging answer has no time of its own: it ends with the connection.
  await sleep(ending === "hang" ? 2 ** 31 - 1 : latencyMs + delayMs, undefined, { signal })
}
