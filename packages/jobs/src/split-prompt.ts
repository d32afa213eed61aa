/** A piece of a template's prompt: words as they are, a `{variable}`, or a brace that is neither. */
export type PromptPart = { text: string } | { variable: string } | { stray: "{" | "}" }

const marks = /\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|[{}]/g

/** Reads a template's prompt from left to right; `{{` and `}}` are literal braces. */
export function splitPrompt(prompt: string): PromptPart[] {
  const parts: PromptPart[] = []
  let position = 0
  for (const { 0: mark, 1: variable, index } of prompt.matchAll(marks)) {
    if (index > position) parts.push({ text: prompt.slice(position, index) })
    position = index + mark.length
    if (variable !== undefined) parts.push({ variable })
    else if (mark === "{{" || mark === "}}") parts.push({ text: mark.charAt(0) })
    else parts.push({ stray: mark === "{" ? "{" : "}" })
  }
  if (position < prompt.length) parts.push({ text: prompt.slice(position) })
  return parts
}
