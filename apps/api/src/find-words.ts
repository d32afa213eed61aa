import { Refusal, type GenerationRequest, type Template } from "@kiln/contract"
import { renderTemplate } from "@kiln/jobs"

import type { FindTemplate } from "./find-template.ts"
import type { Words } from "./new-job.ts"

/** The prompt of a request, as it is or made of its template. Throws `invalid_request` where none can be made. */
export async function findWords(
  { prompt, template: id, variables }: GenerationRequest,
  { findTemplate, tenant, type }: { findTemplate: FindTemplate; tenant: string; type: Template["type"] },
): Promise<Words> {
  if (prompt !== undefined) return { prompt, template: undefined }
  // The schema lets none pass that has neither.
  if (id === undefined) throw new Refusal("invalid_request", "prompt: is required")
  const template = await findTemplate(id, tenant)
  if (!template) throw refuse("unknown_template", `there is no template ${id}; see GET /v1/templates`)
  if (template.type !== type) {
    throw refuse("wrong_type", `${id} is a template for ${template.type}s; this takes one of type ${type}`)
  }
  return { prompt: renderTemplate(template, variables ?? {}), template: id }
}

const refuse = (code: string, detail: string) =>
  new Refusal("invalid_request", `template: ${detail}`, {
    errors: [{ pointer: "/template", code, detail }],
  })
