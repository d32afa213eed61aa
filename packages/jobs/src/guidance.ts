import type { ModelEntry, Warning } from "@kiln/contract"

import { isKeywordList } from "./guidance/keyword-list.ts"
import { negativeWording } from "./guidance/negative-wording.ts"
import { withoutQuoted } from "./guidance/quoted-text.ts"
import type { GuidanceCode } from "./guidance/topics.ts"
import { asksForUnquotedText } from "./guidance/unquoted-text.ts"
import { unsupportedLanguage } from "./guidance/unsupported-language.ts"

/** What a prompt's beginning does not show is not looked for: every request waits for this. */
const mostLookedAt = 4_000

/** Advice on a prompt, none where it is as the upstream's guide wants it. Nothing is refused for it. */
export function guidanceOf(prompt: string): Warning[] {
  const looked = prompt.slice(0, mostLookedAt)
  const text = withoutQuoted(looked)
  const quotesNothing = text === looked
  return [keywords(text), negation(text), language(text), quotesNothing ? unquoted(text) : undefined].filter(
    (warning) => warning !== undefined,
  )
}

/** Advice on the number of images to edit. */
export function guidanceOnInputs(model: ModelEntry, inputs: number): Warning[] {
  const { best_input_images: best } = model.capabilities
  if (best === undefined || inputs <= best) return []
  return [
    warn(
      "many_inputs",
      `The prompt comes with ${inputs} images; ${model.id} keeps the details of about ${best} apart, so leave some out or compose in steps.`,
    ),
  ]
}

const warn = (code: GuidanceCode, detail: string): Warning => ({ code, detail })

const keywords = (prompt: string) =>
  isKeywordList(prompt)
    ? warn(
        "keyword_list",
        "The prompt is a list of keywords; sentences that describe the scene give a more coherent picture.",
      )
    : undefined

function negation(prompt: string): Warning | undefined {
  const wording = negativeWording(prompt)
  if (wording === undefined) return undefined
  return warn(
    "negative_wording",
    `The prompt says what is not to be seen (${JSON.stringify(wording)}); the models follow what is described, so say what is there instead.`,
  )
}

function language(prompt: string): Warning | undefined {
  const script = unsupportedLanguage(prompt)
  if (script === undefined) return undefined
  return warn(
    "language_unsupported",
    `The prompt is written in ${script}; the models know that language less well than English.`,
  )
}

const unquoted = (prompt: string) =>
  asksForUnquotedText(prompt)
    ? warn(
        "unquoted_text",
        "The prompt asks for words in the picture; put the very words in quotation marks, so that they are spelled as you wrote them.",
      )
    : undefined
