import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { test } from "node:test"

import { operations, type Asset, type Job } from "@kiln/contract"

import { largePhoto } from "../world/large-photo.ts"
import { startWorld, type World } from "../world/world.ts"

const hourMs = 3_600_000

async function keep({ url, key }: World, photo: Buffer<ArrayBuffer>): Promise<Asset> {
  const form = new FormData()
  form.append("file", new Blob([photo]), "photo.heic")
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/v1/assets`, { method: "POST", headers, body: form })
  assert.equal(response.status, 201, await response.clone().text())
  return (await response.json()) as Asset
}

test("an input of 60 MB goes up as a file, is used again, and goes up anew when the upstream has lost it", async () => {
  await using world = await startWorld({ workers: 2 })
  const photo = largePhoto(60_000_000)
  const asset = await keep(world, photo)
  const edit = async (prompt: string, n = 1): Promise<Job> => {
    const body = { prompt, n, images: [{ asset: asset.id }] }
    const job = await world.ended((await world.client.send(operations.createEdit, { body })).id)
    assert.equal(job.status, "succeeded", JSON.stringify(job.error))
    return job
  }
  const uploads = () => world.emulator.calls.filter(({ path }) => path.startsWith("/upload/")).length
  const generations = () => world.emulator.calls.filter(({ path }) => path.endsWith(":generateContent"))

  const first = await edit("in winter", 2)
  assert.equal(uploads(), 2, "both images of the job wait for one upload")
  assert.deepEqual(generations().at(-1)?.contents?.[0]?.parts, [
    { kind: "file", sha256: createHash("sha256").update(photo).digest("hex"), signatureBytes: 0 },
    { kind: "text", sha256: null, signatureBytes: 0 },
  ])
  assert.equal(first.usage.upstream_calls, 2, "an upload is no call")
  const [remembered = ""] = await world.redis.keys("{kiln}:upload:*")
  const left = await world.redis.pttl(remembered)
  assert.ok(left > 46 * hourMs && left <= 47 * hourMs)

  // Whichever worker takes it.
  for (const prompt of ["in spring", "in summer"]) await edit(prompt)
  assert.equal(uploads(), 2)

  world.emulator.advanceClock(49 * hourMs)
  const late = await edit("a year later")
  assert.deepEqual(
    generations()
      .slice(-2)
      .map(({ status }) => status),
    [403, 200],
  )
  assert.equal(uploads(), 4)
  assert.deepEqual(
    late.attempts.map(({ outcome, charged }) => [outcome, charged]),
    [["succeeded", "yes"]],
  )
  assert.equal((await world.redis.keys("{kiln}:upload:*")).length, 1)

  // The conversation's images count as well: the photo is said again as the file that it is.
  const body = { prompt: "at night", previous_job: late.id }
  const refined = await world.ended((await world.client.send(operations.createEdit, { body })).id)
  assert.deepEqual([refined.status, ...refined.warnings], ["succeeded"])
  assert.deepEqual(
    generations()
      .at(-1)
      ?.contents?.map(({ parts }) => parts.map(({ kind }) => kind)),
    [["file", "text"], ["inline"], ["text"]],
  )
  assert.equal(uploads(), 4)
})
