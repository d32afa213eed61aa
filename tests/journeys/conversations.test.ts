import assert from "node:assert/strict"
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { operations, type EditInput, type GenerationInput, type Job } from "@kiln/contract"
import sharp from "sharp"

import { photoOf } from "../world/photo-server.ts"
import { startWorld, type World } from "../world/world.ts"

const succeeded = (job: Job): Job => {
  assert.equal(job.status, "succeeded", JSON.stringify(job.error))
  return job
}
const codes = ({ warnings }: Job) => warnings.map(({ code }) => code)

/** What the emulator gives when it interleaves. */
const interleaved = (output: number) => [
  { type: "text", text: "First, the mug.\n\nIt is red." },
  { type: "image", output },
  { type: "text", text: "There you are." },
]

suite("a conversation", () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  const refine = async (body: EditInput): Promise<Job> =>
    world.ended((await world.client.send(operations.createEdit, { body })).id)
  const generate = (body: GenerationInput): Promise<Job> => world.make(body)
  const lastCall = () => {
    const call = world.emulator.calls.findLast(({ path }) => path.endsWith(":generateContent"))
    assert.ok(call?.contents)
    return { status: call.status, contents: call.contents }
  }
  /** The turns of the last call: `user` or `model`, with what their parts are. */
  const turns = () =>
    lastCall().contents.map(({ role, parts }) => [role, ...parts.map(({ kind }) => kind)].join(" "))
  /** The object that lies beside an image, and where it is on the disk. */
  async function turnFiles({ outputs }: Job): Promise<string[]> {
    const folder = join(world.dataDir, "objects", outputs[0]?.key ?? "", "..")
    return (await readdir(folder)).filter((name) => name.includes(".turn")).map((name) => join(folder, name))
  }

  test("of ten steps is said again byte for byte, with signatures of 20 kB", async () => {
    let job = succeeded(
      await generate({ prompt: "[[long_signatures]] a red mug", include_text: true, aspect_ratio: "16:9" }),
    )
    const shown: (string | null | undefined)[] = []
    for (let step = 1; step < 10; step++) {
      const previous = job.id
      job = succeeded(
        await refine({
          prompt: `[[long_signatures]] step ${step}`,
          previous_job: previous,
          include_text: true,
          // Refused by the emulator unless the bytes are the upstream's own, whatever was made of them.
          output_format: step % 2 === 0 ? "jpeg" : "webp",
        }),
      )
      assert.equal(job.previous_job, previous)
      assert.deepEqual(job.warnings, [])
      const { status, contents } = lastCall()
      assert.equal(status, 200)
      assert.equal(contents.length, 2 * step + 1)
      const answers = contents.filter(({ role }) => role === "model").map(({ parts }) => parts)
      assert.deepEqual(
        answers.flatMap((parts) => parts.map(({ kind, signatureBytes }) => [kind, signatureBytes])),
        answers.flatMap(() => [
          ["text", 20_032],
          ["inline", 20_032],
        ]),
      )
      const images = answers.map((parts) => parts[1]?.sha256)
      assert.deepEqual(images.slice(0, -1), shown)
      shown.push(images.at(-1))
    }
    assert.equal(new Set(shown).size, shown.length)
    assert.equal(job.outputs[0]?.upstream_content_type, "image/jpeg")
    const record = await world.redis.hgetall(`{kiln}:job:${job.id}`)
    assert.ok(JSON.stringify(record).length < 4_000, "neither signatures nor turns are in Redis")
  })

  test("takes new images into its new turn, and a job's own image chooses which of several goes on", async () => {
    const first = succeeded(await generate({ prompt: "three cups", n: 3 }))
    const photo = (await photoOf("#224488", 640, 480)).toString("base64")
    const images = [{ data: photo }, { job: first.id, output: 0 }]
    succeeded(await refine({ prompt: "on this table", previous_job: first.id, images }))
    assert.deepEqual(turns(), ["user text", "model inline", "user inline text"])
    const chosen = lastCall().contents[1]?.parts[0]?.sha256
    succeeded(await refine({ prompt: "in blue", previous_job: first.id }))
    assert.deepEqual(turns(), ["user text", "model inline", "user text"])
    assert.notEqual(lastCall().contents[1]?.parts[0]?.sha256, chosen)
  })

  test("whose signatures are lost starts anew from its last image, and says so", async () => {
    const first = succeeded(await generate({ prompt: "a green mug", aspect_ratio: "16:9" }))
    const files = await turnFiles(first)
    assert.equal(files.length, 2)
    await Promise.all(files.map((file) => rm(file)))
    const second = succeeded(await refine({ prompt: "with a handle", previous_job: first.id }))
    assert.deepEqual(turns(), ["user inline text"])
    assert.deepEqual(codes(second), ["conversation_restarted"])
    assert.match(second.warnings[0]?.detail ?? "", /not kept any more/)
    const [output] = second.outputs
    assert.ok(output && output.width > output.height, "the image was shown to the model")
    // From here on there is a conversation again.
    const third = succeeded(await refine({ prompt: "in gold", previous_job: second.id }))
    assert.deepEqual(turns(), ["user inline text", "model inline", "user text"])
    assert.deepEqual(third.warnings, [])
  })

  test("that the upstream no longer accepts starts anew in the same attempt, and says so", async () => {
    const first = succeeded(await generate({ prompt: "a brown mug" }))
    const file = (await turnFiles(first)).find((name) => !name.endsWith("~")) ?? ""
    const turn = await readFile(file)
    const at = turn.indexOf('"thoughtSignature":"') + 200
    turn[at] = turn[at] === 0x41 ? 0x42 : 0x41
    await writeFile(file, turn)
    const second = succeeded(await refine({ prompt: "with a saucer", previous_job: first.id }))
    assert.deepEqual(codes(second), ["conversation_restarted"])
    assert.match(second.warnings[0]?.detail ?? "", /no longer accepts/)
    assert.deepEqual(turns(), ["user inline text"])
    assert.deepEqual(
      [second.attempts.length, second.usage.upstream_calls, second.usage.charged],
      [1, 2, "yes"],
    )
  })

  test("that has more images than its model takes goes on with its latest turns, and says so", async () => {
    const model = "gemini-2.5-flash-image"
    const photo = { data: (await photoOf("#884422", 320, 240)).toString("base64") }
    let job = succeeded(await generate({ prompt: "a shelf", model }))
    const warned: string[][] = []
    for (const prompt of ["one", "two", "three", "four"]) {
      job = succeeded(await refine({ prompt, previous_job: job.id, images: [photo] }))
      warned.push(codes(job).filter((code) => code !== "model_retiring"))
    }
    assert.deepEqual(warned, [[], [], [], ["conversation_shortened"]])
    const turn = ["user inline text", "model inline"]
    assert.deepEqual(turns(), [...turn, ...turn, "user inline text"])
  })

  test("does not go on with another model, and stays with its own when none is named", async () => {
    const first = succeeded(await generate({ prompt: "a vase", model: "gemini-3-pro-image" }))
    const same = succeeded(await refine({ prompt: "of glass", previous_job: first.id }))
    assert.deepEqual([same.model, ...codes(same)], ["gemini-3-pro-image"])
    assert.equal(turns().length, 3)
    const other = succeeded(
      await refine({ prompt: "of clay", previous_job: first.id, model: "gemini-nano-banana-2.1" }),
    )
    assert.deepEqual(codes(other), ["conversation_restarted"])
    assert.match(other.warnings[0]?.detail ?? "", /another model/)
    assert.deepEqual(turns(), ["user inline text"])
  })

  test("survives the deletion of an earlier job by starting anew, and ends with its last image", async () => {
    const first = succeeded(await generate({ prompt: "a lamp" }))
    const second = succeeded(await refine({ prompt: "brighter", previous_job: first.id }))
    await world.client.send(operations.deleteJob, { params: { id: first.id } })
    const third = succeeded(await refine({ prompt: "darker", previous_job: second.id }))
    assert.deepEqual(codes(third), ["conversation_restarted"])
    const late = await world.client.send(operations.createEdit, {
      body: {
        prompt: "later",
        previous_job: third.id,
        not_before: new Date(Date.now() + 1_500).toISOString(),
      },
    })
    await world.client.send(operations.deleteJob, { params: { id: third.id } })
    const ended = await world.ended(late.id)
    assert.deepEqual([ended.status, ended.error?.code], ["failed", "input_unreachable"])
    assert.deepEqual([ended.usage.upstream_calls, ended.attempts.length], [0, 1])
  })

  test("cannot be had with a job that is missing, foreign, unfinished or failed, or an image that it lacks", async () => {
    const { id } = succeeded(await generate({ prompt: "a bowl" }))
    const failed = await generate({ prompt: "[[safety]]" })
    const waiting = await world.submit({
      prompt: "x",
      not_before: new Date(Date.now() + 3_600_000).toISOString(),
    })
    const unknown = `job_${"1".repeat(32)}`
    const wrong: [EditInput, string, string][] = [
      [{ prompt: "x", previous_job: unknown }, "/previous_job", "unknown_job"],
      [{ prompt: "x", previous_job: failed.id }, "/previous_job", "not_succeeded"],
      [{ prompt: "x", previous_job: waiting.id }, "/previous_job", "not_succeeded"],
      [
        { prompt: "x", previous_job: id, images: [{ job: id, output: 4 }] },
        "/images/0/output",
        "unknown_output",
      ],
      [{ prompt: "x" }, "/images", "required"],
    ]
    for (const [body, pointer, code] of wrong) {
      const response = await world.client.request(operations.createEdit, { body })
      const problem = (await response.json()) as { errors: { pointer: string; code: string }[] }
      assert.equal(response.status, 400)
      assert.deepEqual(
        problem.errors.map((error) => [error.pointer, error.code]),
        [[pointer, code]],
      )
    }
  })

  test("is asked of once for one Idempotency-Key, whatever becomes of its job", async () => {
    const { id } = succeeded(await generate({ prompt: "a plate" }))
    const call = {
      body: { prompt: "two plates", previous_job: id },
      headers: { "idempotency-key": "a-refinement" },
    }
    const first = await world.client.send(operations.createEdit, call)
    await world.ended(first.id)
    await world.client.send(operations.deleteJob, { params: { id } })
    assert.equal((await world.client.send(operations.createEdit, call)).id, first.id)
  })

  test("text and images come in their order, a long text too", async () => {
    const job = succeeded(await generate({ prompt: "[[interleaved]] a mug", include_text: true, n: 2 }))
    assert.deepEqual(job.content, [...interleaved(0), ...interleaved(1)])
    const long = succeeded(await generate({ prompt: "[[huge_text:20]] a mug", include_text: true }))
    assert.deepEqual(
      long.content?.map(({ type }) => type),
      ["text", "image"],
    )
    const [words] = long.content ?? []
    assert.ok(words?.type === "text" && words.text.length > 20_000 && words.text === long.text)
    assert.ok(JSON.stringify(await world.redis.hgetall(`{kiln}:job:${long.id}`)).length < 4_000)
    assert.equal(succeeded(await generate({ prompt: "a mug" })).content, null)
  })

  test("is removed with its job", async () => {
    const job = succeeded(await generate({ prompt: "a spoon", output_format: "jpeg" }))
    const files = await turnFiles(job)
    assert.equal(files.length, 2)
    const { width } = await sharp(await (await fetch(job.outputs[0]?.url ?? "")).arrayBuffer()).metadata()
    assert.equal(width, 1_024)
    succeeded(await refine({ prompt: "of silver", previous_job: job.id }))
    assert.equal(turns().length, 3)
    await world.client.send(operations.deleteJob, { params: { id: job.id } })
    await assert.rejects(turnFiles(job), { code: "ENOENT" })
  })
})
