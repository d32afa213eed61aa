import type { operations } from "@kiln/contract"
import { costOf, toUsd, type Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"
import { warningView } from "@kiln/views"

import type { EstimateRows } from "../batches/estimate-rows.ts"
import type { FindPrevious } from "../find-previous.ts"
import type { FindTemplate } from "../find-template.ts"
import { findWords } from "../find-words.ts"
import { callerOf } from "../http/call.ts"
import { isMultipart, type Handler } from "../http/mount.ts"
import { expectedTokens, newJob } from "../new-job.ts"

type Deps = {
  ledger: Pick<Ledger, "foresee">
  models: Models
  findTemplate: FindTemplate
  findPrevious: FindPrevious
  estimateRows: EstimateRows
  publicUrl: string
}

/** What a job of this request would be refused for is refused here too, but for budgets and the images themselves. */
export function createEstimate({
  ledger,
  models,
  findTemplate,
  findPrevious,
  estimateRows,
  publicUrl,
}: Deps): Handler<typeof operations.createEstimate> {
  return async ({ body }, exchange) => {
    const { req, res } = exchange
    if (isMultipart(req)) return { body: await estimateRows.ofUpload(exchange) }
    // As it was sent: with the schema's defaults in them, rows would say what the batch's defaults say otherwise.
    if ("items" in body || "products" in body) return { body: await estimateRows.ofBody(req.body, exchange) }
    const { tenant, id: key } = callerOf(res).key
    const {
      images: given,
      previous_job: previousJob,
      ...request
    } = {
      images: undefined,
      previous_job: undefined,
      ...body,
    }
    const type = given || previousJob ? "edit" : "generation"
    const words = await findWords(request, { findTemplate, tenant, type })
    const now = new Date()
    const continued = previousJob && (await findPrevious(tenant, previousJob, { images: given ?? [] }))
    const asked = {
      images: given?.length ?? (continued ? 0 : undefined),
      ...(continued ? { continued } : {}),
    }
    const { job } = newJob(request, words, { models, tenant, key, now, ...asked })
    const { model } = models.resolve(job.model, now)
    const tokens = expectedTokens(model, words.prompt, job.spec.parameters, asked)
    const { lastEndsInMs } = await ledger.foresee(tenant, model.id)
    const startsAt = job.notBefore?.getTime() ?? 0
    const waitMs = Math.max(0, startsAt - now.getTime())
    return {
      body: {
        items: 1,
        upstream_calls: job.spec.parameters.n,
        input_tokens: tokens.input,
        output_tokens: tokens.output,
        cost_usd: toUsd(costOf(tokens, model.prices)),
        eta_seconds: lastEndsInMs === null ? null : Math.ceil((waitMs + lastEndsInMs) / 1_000),
        warnings: job.spec.warnings.map((warning) => warningView(warning, publicUrl)),
      },
    }
  }
}
