import assert from "node:assert/strict"
import { test } from "node:test"

import { operations } from "@kiln/contract"
import sharp from "sharp"

import { startWorld } from "../world/world.ts"

test("a template with values becomes a PNG whose job shows the prompt that was painted", async () => {
  await using world = await startWorld()
  const body = {
    name: "Mug",
    prompt: "A {color} mug on {surface}, with {{braces}} as they are.",
    variables: [
      { name: "color", description: "Of the glaze", example: "red" },
      { name: "surface", default: "a wooden table" },
    ],
  }
  await world.client.send(operations.putTemplate, { params: { id: "mug" }, body })
  const { data } = await world.client.send(operations.listTemplates, { query: { limit: 100 } })
  const template = data.find(({ id }) => id === "mug")
  assert.deepEqual(template?.example, { color: "red", surface: "a wooden table" })

  const job = await world.make({ template: "mug", variables: { color: "{surface} [[wrong_mime]]" } })
  const prompt = "A {surface} [[wrong_mime]] mug on a wooden table, with {braces} as they are."
  assert.deepEqual([job.status, job.template, job.prompt], ["succeeded", "mug", prompt])
  assert.deepEqual(job.warnings, [])
  const image = await fetch(job.outputs[0]?.url ?? "")
  assert.equal((await sharp(await image.arrayBuffer()).metadata()).format, "png")
  // The emulator obeys a scenario that is named in a prompt, so the value must have gone all the way.
  assert.deepEqual(
    world.emulator.calls.map(({ scenario }) => scenario),
    ["wrong_mime"],
  )

  await world.client.send(operations.deleteTemplate, { params: { id: "mug" } })
  assert.equal((await world.job(job.id)).prompt, prompt)
})

test("each built-in template for generations makes a picture of its own example", async () => {
  await using world = await startWorld()
  const { data } = await world.client.send(operations.listTemplates, { query: { limit: 100 } })
  const templates = data.filter(({ type }) => type === "generation")
  assert.equal(templates.length, 6)
  const jobs = await Promise.all(
    templates.map(async ({ id, example }) => world.make({ template: id, variables: example })),
  )
  for (const { status, template, warnings } of jobs) {
    assert.deepEqual([status, warnings], ["succeeded", []], template ?? "")
  }
})
