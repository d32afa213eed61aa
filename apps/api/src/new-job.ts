import { newId, Refusal, type GenerationRequest, type ModelEntry } from "@kiln/contract"
import { costOf, estimateTokens, guidanceOf, planModels, toUsd, type Models } from "@kiln/jobs"
import type { NewJob } from "@kiln/ledger"

/** What is to be painted, and the template that says it. */
export type Words = { prompt: string; template: string | undefined }

type Caller = { tenant: string; key: string }

/** What is edited: how many images; undefined where there are words alone. */
type Asked = { images: number | undefined }

/** A request as a job to be written, with its prompt still in it. Throws a Refusal for what cannot or must not be done. */
export function newJob(
  request: GenerationRequest,
  { prompt, template }: Words,
  { models, tenant, key, now, images }: Caller & Asked & { models: Models; now: Date },
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
    metadata,
    ...parameters
  } = request
  const estimate = (model: ModelEntry) =>
    toUsd(costOf(estimateTokens(model, prompt, parameters, images), model.prices))
  const plan = planModels(models, {
    names: { model: name, fallbacks: fallback_models ?? [] },
    parameters,
    inputs: images,
    isAffordable: (model) => max_cost_usd === undefined || (estimate(model) ?? Infinity) <= max_cost_usd,
    now,
  })
  if (max_cost_usd !== undefined) {
    for (const model of plan.named) checkBudget(model, max_cost_usd, estimate(model))
  }
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
      metadata,
      warnings: [...plan.warnings, ...guidanceOf(prompt)],
    },
    priority,
    notBefore: not_before === undefined ? null : new Date(not_before),
    deadlineSeconds: deadline_seconds ?? null,
  }
}

function checkBudget(model: ModelEntry, mostUsd: number, estimate: number | null): void {
  if (estimate !== null && estimate <= mostUsd) return
  const detail =
    estimate === null
      ? `the price of ${model.id} is not known, so max_cost_usd of ${mostUsd} cannot be kept`
      : `the estimate of ${estimate} USD with ${model.id} is above max_cost_usd of ${mostUsd} USD`
  throw new Refusal("budget_exceeded", detail, {
    errors: [{ pointer: "/max_cost_usd", code: "budget_exceeded", detail }],
  })
}
