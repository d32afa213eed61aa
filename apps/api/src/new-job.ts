import {
  newId,
  Refusal,
  type GenerationRequest,
  type ModelEntry,
  type Parameters,
  type Tokens,
} from "@kiln/contract"
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

type Made = {
  /** Its prompt is still in it. */
  job: NewJob
  /** Why it may not be painted: its estimate is above `max_cost_usd`. */
  excess: Refusal | undefined
}

/** What a request is expected to take with a model, in tokens, with what was said before in its conversation. */
export function expectedTokens(
  model: ModelEntry,
  prompt: string,
  parameters: Parameters,
  { images, continued }: Asked,
): Tokens {
  const tokens = estimateTokens(model, prompt, parameters, continued?.images.length ?? images)
  return { ...tokens, input: tokens.input + parameters.n * (continued?.earlierTokens ?? 0) }
}

/** A request as a job to be written. Throws a Refusal for what cannot be done. */
export function newJob(
  request: GenerationRequest,
  { prompt, template }: Words,
  { models, tenant, key, now, images, continued }: Caller & Asked & { models: Models; now: Date },
): Made {
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
  const estimate = (model: ModelEntry) =>
    costOf(expectedTokens(model, prompt, parameters, { images, continued }), model.prices)
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
  const job: NewJob = {
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
  return { job, excess: excessOf(plan.named, max_cost_usd, estimate) }
}

/** Whichever of the models makes it: as much as the dearest is set aside. One of unknown price makes it unknown. */
const dearest = (estimates: readonly (number | null)[]): number | null =>
  estimates.reduce((most, each) => (most === null || each === null ? null : Math.max(most, each)), 0)

/** The first of the models that is too dear, or of unknown price. */
function excessOf(
  models: readonly ModelEntry[],
  mostUsd: number | undefined,
  estimateOf: (model: ModelEntry) => number | null,
): Refusal | undefined {
  if (mostUsd === undefined) return undefined
  const model = models.find((each) => (toUsd(estimateOf(each)) ?? Infinity) > mostUsd)
  if (!model) return undefined
  const estimate = toUsd(estimateOf(model))
  const detail =
    estimate === null
      ? `the price of ${model.id} is not known, so max_cost_usd of ${mostUsd} cannot be kept`
      : `the estimate of ${estimate} USD with ${model.id} is above max_cost_usd of ${mostUsd} USD`
  return new Refusal("budget_exceeded", detail, {
    errors: [{ pointer: "/max_cost_usd", code: "budget_exceeded", detail }],
  })
}
