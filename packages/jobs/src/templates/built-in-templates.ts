import { TemplateRequest, type Template } from "@kiln/contract"

import { completeTemplate, templateOf } from "../complete-template.ts"
import { editTemplates } from "./edit-templates.ts"
import { generationTemplates } from "./generation-templates.ts"

/** The templates that every tenant has, in the order of their lists; what goes for a caller's goes for them. */
export const builtInTemplates: readonly Template[] = Object.entries({
  ...generationTemplates,
  ...editTemplates,
}).map(([id, template]) => templateOf(id, completeTemplate(TemplateRequest.parse(template)), null))

const byId = new Map(builtInTemplates.map((template) => [template.id, template]))

export const builtInTemplate = (id: string): Template | undefined => byId.get(id)
