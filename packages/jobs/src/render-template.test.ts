import assert from "node:assert/strict"
import { test } from "node:test"

import { Refusal } from "@kiln/contract"

import { renderTemplate } from "./render-template.ts"

type Declared = Record<string, string | null>

/** A template whose variables have these defaults. */
const templateOf = (prompt: string, defaults: Declared = {}) => ({
  id: "mug",
  prompt,
  variables: Object.entries(defaults).map(([name, otherwise]) => ({
    name,
    description: "",
    default: otherwise,
    example: "x",
  })),
})

const refusedBy = (step: () => unknown) => {
  try {
    step()
  } catch (error) {
    if (error instanceof Refusal) return error.errors.map(({ pointer, code }) => `${pointer}:${code}`)
    throw error
  }
  return []
}

test("values take the places of their names, as often as they stand there", () => {
  const template = templateOf("A {color} mug on a {color} table, {light}.", {
    color: null,
    light: "soft light",
  })
  assert.equal(renderTemplate(template, { color: "red" }), "A red mug on a red table, soft light.")
  assert.equal(renderTemplate(template, { color: "", light: "sun" }), "A  mug on a  table, sun.")
})

test("doubled braces are braces, also around a variable", () => {
  const template = templateOf("{{a}} {{{color}}} {color}}}{{", { color: null })
  assert.equal(renderTemplate(template, { color: "red" }), "{a} {red} red}{")
})

test("a value is inserted as it is: it is no template, and no replacement pattern", () => {
  const template = templateOf("{a} and {b}", { a: null, b: null })
  assert.equal(renderTemplate(template, { a: "{b} {{ $& $1 $$", b: "end" }), "{b} {{ $& $1 $$ and end")
})

test("what every object has is not a value", () => {
  const template = templateOf("{constructor}", { constructor: null })
  assert.deepEqual(
    refusedBy(() => renderTemplate(template, {})),
    ["/variables/constructor:required"],
  )
  assert.deepEqual(
    refusedBy(() => renderTemplate(templateOf("a", {}), { constructor: "b" })),
    ["/variables/constructor:unknown_variable"],
  )
})

test("missing and unknown values are all named, with the sentence that says which", () => {
  const template = templateOf("{a}{b}{c}", { a: null, b: null, c: "d" })
  assert.deepEqual(
    refusedBy(() => renderTemplate(template, { "x/y": "1" })),
    ["/variables/x~1y:unknown_variable", "/variables/a:required", "/variables/b:required"],
  )
  assert.throws(() => renderTemplate(template, { b: "" }), /the template mug needs a value for a/)
  assert.throws(() => renderTemplate(template, { a: "", b: "", d: "" }), /no variable "d"; it has a, b, c/)
})

test("a prompt that comes out blank or longer than a prompt may be is refused", () => {
  const template = templateOf("{a}{a}", { a: null })
  assert.deepEqual(
    refusedBy(() => renderTemplate(template, { a: " " })),
    ["/variables:invalid_value"],
  )
  assert.equal(renderTemplate(template, { a: "x".repeat(16_000) }).length, 32_000)
  assert.deepEqual(
    refusedBy(() => renderTemplate(template, { a: "x".repeat(16_001) })),
    ["/variables:too_big"],
  )
})
