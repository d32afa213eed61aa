import assert from "node:assert/strict"
import { test } from "node:test"

import { Refusal, Template, TemplateRequest } from "@kiln/contract"

import { completeTemplate, templateOf } from "./complete-template.ts"
import { renderTemplate } from "./render-template.ts"
import { builtInTemplates } from "./templates/built-in-templates.ts"

const variable = (name: string, more: object = {}) => ({ name, default: "x", ...more })
const complete = (prompt: string, ...variables: object[]) =>
  completeTemplate(TemplateRequest.parse({ name: "Mug", prompt, variables }))

const refusedBy = (step: () => unknown) => {
  try {
    step()
  } catch (error) {
    if (error instanceof Refusal) return error.errors.map(({ pointer, code }) => `${pointer}:${code}`)
    throw error
  }
  return []
}

test("a variable without an example has its default as one", () => {
  const content = complete("A {color} mug, {size}", variable("color"), { name: "size", example: "large" })
  const template = Template.parse(templateOf("mug", content, new Date(0)))
  assert.deepEqual(template.example, { color: "x", size: "large" })
  assert.deepEqual([template.built_in, template.created_at], [false, "1970-01-01T00:00:00.000Z"])
})

test("the variables of the prompt and the declared ones are the same, each declared once", () => {
  assert.deepEqual(
    refusedBy(() => complete("A {color} {size} mug", variable("size"))),
    ["/prompt:undeclared_variable"],
  )
  assert.deepEqual(
    refusedBy(() => complete("A mug", variable("color"))),
    ["/variables/0/name:unused_variable"],
  )
  assert.deepEqual(
    refusedBy(() => complete("{a}", variable("a"), variable("a"))),
    ["/variables/1/name:duplicate"],
  )
  assert.deepEqual(
    refusedBy(() => complete("{{a}}", variable("a"))),
    ["/variables/0/name:unused_variable"],
  )
})

test("a brace that belongs to no variable is refused, a doubled one is not", () => {
  for (const prompt of ["a { b", "a } b", "{A}", "{a b}", "{}", "{a}}"]) {
    assert.ok(refusedBy(() => complete(prompt, variable("a"))).includes("/prompt:stray_brace"), prompt)
  }
  assert.deepEqual(
    refusedBy(() => complete("{{ {a} }}", variable("a"))),
    [],
  )
})

test("eleven templates are built in, the ones for generations first", () => {
  assert.deepEqual(
    builtInTemplates.map(({ id }) => id),
    [
      "photorealistic",
      "sticker",
      "text-in-image",
      "product-mockup",
      "negative-space",
      "comic-panel",
      "add-remove",
      "inpaint",
      "style-transfer",
      "compose",
      "preserve-detail",
    ],
  )
  assert.equal(builtInTemplates.filter(({ type }) => type === "generation").length, 6)
})

test("each built-in template can be made a form of, and its example is a whole sentence", () => {
  for (const template of builtInTemplates.map((one) => Template.parse(one))) {
    assert.ok(template.name && template.description && template.built_in, template.id)
    for (const { name, description } of template.variables) assert.ok(description, `${template.id} ${name}`)
    assert.ok(
      template.variables.some((one) => one.default === null),
      template.id,
    )
    const prompt = renderTemplate(template, template.example)
    assert.match(prompt, /^[A-Z][^{}]*\.$/)
    assert.doesNotMatch(prompt, /\.\.| {2}|\ba (?:a|an|the) /)
  }
})
