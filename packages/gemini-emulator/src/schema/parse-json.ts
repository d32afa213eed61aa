import { GoogleError } from "../google-error.ts"

/**
 * Parses a request body; an empty one is an empty message.
 * @throws GoogleError 400 in the words of Google's JSON parser, with the place shown by a caret.
 */
export function parseJson(body: Buffer): unknown {
  const text = body.toString("utf8")
  if (text.trim() === "") return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : ""
    throw new GoogleError("INVALID_ARGUMENT", `Invalid JSON payload received. ${explain(reason, text)}`)
  }
}

function explain(reason: string, text: string): string {
  const position = Number(/position (\d+)/.exec(reason)?.[1] ?? text.length)
  const isAtEnd = /unexpected end|unterminated/i.test(reason)
  const expected = expectations.find(([pattern]) => pattern.test(reason))?.[1]
  const words = [isAtEnd ? "Unexpected end of string." : undefined, expected].filter(Boolean).join(" ")
  const before = isAtEnd ? "" : text.slice(Math.max(0, position - 20), position)
  const after = isAtEnd ? "" : text.slice(position, position + 20)
  return `${words || "Unexpected token."}\n${before}${after}\n${" ".repeat(before.length)}^`
}

// V8's reasons and what Google's parser says instead.
const expectations: readonly (readonly [RegExp, string])[] = [
  [/unexpected end/i, "Expected a value."],
  [/after property value/i, "Expected , or } after key:value pair."],
  [/after array element/i, "Expected , or ] after array value."],
  [/expected property name|double-quoted property name/i, "Expected an object key or }."],
  [/after property name/i, "Expected : between key:value pair."],
  [/unterminated string/i, "Closing quote expected in string."],
]
