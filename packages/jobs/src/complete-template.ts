import { pointerOf, Refusal, type FieldError, type Template, type TemplateRequest } from "@kiln/contract"

import { splitPrompt } from "./split-prompt.ts"

/** What of a template its author wrote, with every example there. */
export type TemplateContent = Pick<Template, "name" | "description" | "type" | "prompt" | "variables">

/**
 * A template as it is kept: each variable has an example, its default where none was given. Throws
 * `invalid_request` unless the prompt's `{variables}` and the declared ones are the same, each declared once.
 */
export function completeTemplate(request: TemplateRequest): TemplateContent {
  const errors = [...inPrompt(request), ...declared(request)]
  if (errors.length > 0) {
    const sentences = errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`)
    throw new Refusal("invalid_request", sentences.join("; "), { errors })
  }
  const { name, description, type, prompt } = request
  const variables = request.variables.map(({ example, ...variable }) => ({
    ...variable,
    example: example ?? variable.default ?? "",
  }))
  return { name, description, type, prompt, variables }
}

/** A template in the words of the contract; one that was made at no time is built in. */
export function templateOf(id: string, content: TemplateContent, createdAt: Date | null): Template {
  return {
    id,
    object: "template",
    ...content,
    example: Object.fromEntries(content.variables.map(({ name, example }) => [name, example])),
    built_in: createdAt === null,
    created_at: createdAt?.toISOString() ?? null,
  }
}

const most = 100

function inPrompt({ prompt, variables }: TemplateRequest): FieldError[] {
  const names = new Set(variables.map(({ name }) => name))
  const parts = splitPrompt(prompt)
  const unknown = new Set(
    parts.flatMap((part) => ("variable" in part && !names.has(part.variable) ? [part.variable] : [])),
  )
  const stray = parts.find((part) => "stray" in part)
  const pointer = "/prompt"
  return [
    ...[...unknown].slice(0, most).map((name) => ({
      pointer,
      code: "undeclared_variable",
      detail: `uses {${name}}, which is not among the variables`,
    })),
    ...(stray
      ? [
          {
            pointer,
            code: "stray_brace",
            detail: `has a ${stray.stray} that belongs to no {variable}; write ${stray.stray.repeat(2)} for a literal one`,
          },
        ]
      : []),
  ]
}

function declared({ prompt, variables }: TemplateRequest): FieldError[] {
  const used = new Set(splitPrompt(prompt).flatMap((part) => ("variable" in part ? [part.variable] : [])))
  const names = variables.map(({ name }) => name)
  return names.flatMap((name, index) => {
    const pointer = pointerOf(["variables", index, "name"])
    if (names.indexOf(name) < index) {
      return [{ pointer, code: "duplicate", detail: `there is another variable ${name}` }]
    }
    return used.has(name) ? [] : [{ pointer, code: "unused_variable", detail: `the prompt has no {${name}}` }]
  })
}
