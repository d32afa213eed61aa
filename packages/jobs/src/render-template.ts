import { longestPrompt, pointerOf, Refusal, type FieldError, type Template } from "@kiln/contract"

import { splitPrompt } from "./split-prompt.ts"

type Values = Readonly<Record<string, string>>

/**
 * The prompt that a template and values make. Values are inserted as they are and never read as templates again.
 * Throws `invalid_request` that names every value that is missing or unknown, or a prompt that is blank or longer
 * than 32 000 characters.
 */
export function renderTemplate(
  template: Pick<Template, "id" | "prompt" | "variables">,
  values: Values,
): string {
  const errors = [...unknown(template, values), ...missing(template, values)]
  if (errors.length > 0) throw refuse(errors)
  const chosen = new Map(
    template.variables.map((variable) => [
      variable.name,
      given(values, variable.name) ?? variable.default ?? "",
    ]),
  )
  const prompt = splitPrompt(template.prompt)
    .map((part) => ("text" in part ? part.text : "stray" in part ? part.stray : chosen.get(part.variable)))
    .join("")
  const wrong = wrongWith(prompt)
  if (wrong !== undefined) throw refuse([{ pointer: "/variables", ...wrong }])
  return prompt
}

const given = (values: Values, name: string): string | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined

function unknown({ id, variables }: Pick<Template, "id" | "variables">, values: Values): FieldError[] {
  const known = new Set(variables.map(({ name }) => name))
  const has = known.size > 0 ? `has ${[...known].join(", ")}` : "has none"
  return Object.keys(values)
    .filter((name) => !known.has(name))
    .map((name) => ({
      pointer: pointerOf(["variables", name]),
      code: "unknown_variable",
      detail: `the template ${id} has no variable ${JSON.stringify(name)}; it ${has}`,
    }))
}

const missing = ({ id, variables }: Pick<Template, "id" | "variables">, values: Values): FieldError[] =>
  variables
    .filter(({ name, default: otherwise }) => otherwise === null && given(values, name) === undefined)
    .map(({ name }) => ({
      pointer: pointerOf(["variables", name]),
      code: "required",
      detail: `the template ${id} needs a value for ${name}`,
    }))

function wrongWith(prompt: string): Omit<FieldError, "pointer"> | undefined {
  if (prompt.trim() === "") return { code: "invalid_value", detail: "they make a prompt that is blank" }
  if (prompt.length <= longestPrompt) return undefined
  const most = longestPrompt.toLocaleString("en")
  const made = prompt.length.toLocaleString("en")
  return { code: "too_big", detail: `they make a prompt of ${made} characters; it may have at most ${most}` }
}

function refuse(errors: FieldError[]): Refusal {
  const message = errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join("; ")
  return new Refusal("invalid_request", message, { errors })
}
