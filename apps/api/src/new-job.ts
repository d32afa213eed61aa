import { newId, Refusal, type GenerationRequest, type ModelEntry, type Tokens } from "@kiln/contract"
import { checkCapabilities, costOf, estimateTokens, guidanceOf, toUsd, type Models } from "@kiln/jobs"
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
    priority,
    not_before,
    deadline_seconds,
    max_cost_usd,
    metadata,
    webhook,
    ...parameters
  } = request
  const { model, requested, warnings } = models.resolve(name, now)
  checkCapabilities(model, parameters, images)
  if (max_cost_usd !== undefined) {
    checkBudget(model, max_cost_usd, estimateTokens(model, prompt, parameters, images))
  }
  return {
    id: newId("job"),
    tenant,
    key,
    type: images === undefined ? "generation" : "edit",
    model: model.id,
    requestedModel: requested,
    spec: {
      prompt,
      promptKey: null,
      ...(template === undefined ? {} : { template }),
      parameters,
      metadata,
      warnings: [...warnings, ...guidanceOf(prompt)],
    },
    priority,
    notBefore: not_before === undefined ? null : new Date(not_before),
    deadlineSeconds: deadline_seconds ?? null,
    ...(webhook ? { webhook } : {}),
  }
}

function checkBudget(model: ModelEntry, mostUsd: number, tokens: Tokens): void {
  const estimate = toUsd(costOf(tokens, model.prices))
  if (estimate !== null && estimate <= mostUsd) return
  const detail =
    estimate === null
      ? `the price of ${model.id} is not known, so max_cost_usd of ${mostUsd} cannot be kept`
      : `the estimate of ${estimate} USD is above max_cost_usd of ${mostUsd} USD`
  throw new Refusal("budget_exceeded", detail, {
    errors: [{ pointer: "/max_cost_usd", code: "budget_exceeded", detail }],
  })
}
