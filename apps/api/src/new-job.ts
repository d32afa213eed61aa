import { newId, Refusal, type GenerationRequest, type ModelEntry } from "@kiln/contract"
import {
  costOf,
  estimateTokens,
  guidanceOf,
  guidanceOnInputs,
  planModels,
  toUsd,
  type Models,
} from "@kiln/jobs"
import type { NewJob } from "@kiln/ledger"

import type { Continued } from "./find-previous.ts"

/** What is to be painted, and the template that says it. */
export type Words = { prompt: string; template: string | undefined }

type Caller = { tenant: string; key: string }

/** What is edited: how many images, undefined where there are words alone, and the conversation that it goes on with. */
type Asked = { images: number | undefined; continued?: Continued | undefined }

/** A request as a job to be written, with its prompt still in it. Throws a Refusal for what cannot or must not be done. */
export function newJob(
  request: GenerationRequest,
  { prompt, template }: Words,
  { models, tenant, key, now, images, continued }: Caller & Asked & { models: Models; now: Date },
): NewJob {
  const {
    prompt: _prompt,
    template: _template,
    variables: _variables,
    model: name,
    fallback_models,
    priority,
    not_before,
    deadline_seconds,
    max_cost_usd,
    cache,
    metadata,
    webhook,
    ...parameters
  } = request
  // A conversation stays with its model, as long as there is that model.
  const usual = continued && models.get(continued.model) ? continued.model : undefined
  const earlier = parameters.n * (continued?.earlierTokens ?? 0)
  const estimate = (model: ModelEntry) => {
    const tokens = estimateTokens(model, prompt, parameters, continued?.images.length ?? images)
    return costOf({ ...tokens, input: tokens.input + earlier }, model.prices)
  }
  // The image that is refined is one of those that the model takes.
  const given = continued ? continued.images.length + 1 : images
  const plan = planModels(models, {
    names: { model: name ?? usual, fallbacks: fallback_models ?? [] },
    parameters,
    inputs: given,
    isAffordable: (model) =>
      max_cost_usd === undefined || (toUsd(estimate(model)) ?? Infinity) <= max_cost_usd,
    now,
  })
  for (const each of plan.named) checkBudget(each, max_cost_usd, estimate(each))
  return {
    id: newId("job"),
    tenant,
    key,
    type: images === undefined ? "generation" : "edit",
    model: plan.model.id,
    lane: plan.lane,
    requestedModel: plan.requested,
    spec: {
      prompt,
      promptKey: null,
      ...(template === undefined ? {} : { template }),
      parameters,
      ...(cache ? { cache } : {}),
      metadata,
      warnings: [...plan.warnings, ...guidanceOf(prompt), ...guidanceOnInputs(plan.model, given ?? 0)],
    },
    priority,
    estimateNanoUsd: dearest(plan.named.map(estimate)),
    notBefore: not_before === undefined ? null : new Date(not_before),
    deadlineSeconds: deadline_seconds ?? null,
    ...(webhook ? { webhook } : {}),
  }
}

/** Whichever of the models makes it: as much as the dearest is set aside. One of unknown price makes it unknown. */
const dearest = (estimates: readonly (number | null)[]): number | null =>
  estimates.reduce((most, each) => (most === null || each === null ? null : Math.max(most, each)), 0)

function checkBudget(model: ModelEntry, mostUsd: number | undefined, estimateNanoUsd: number | null): void {
  if (mostUsd === undefined) return
  const estimate = toUsd(estimateNanoUsd)
  if (estimate !== null && estimate <= mostUsd) return
  const detail =
    estimate === null
      ? `the price of ${model.id} is not known, so max_cost_usd of ${mostUsd} cannot be kept`
      : `the estimate of ${estimate} USD with ${model.id} is above max_cost_usd of ${mostUsd} USD`
  throw new Refusal("budget_exceeded", detail, {
    errors: [{ pointer: "/max_cost_usd", code: "budget_exceeded", detail }],
  })
}
