import assert from "node:assert/strict"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { createClient } from "@kiln/client"
import { operations, type Job } from "@kiln/contract"
import sharp from "sharp"

import { sha256Of, startCliWorld, type CliWorld } from "../world/kiln-cli.ts"
import { photoOf } from "../world/photo-server.ts"

suite("the command line", () => {
  let cli: CliWorld
  before(async () => {
    cli = await startCliWorld()
  })
  after(() => cli[Symbol.asyncDispose]())

  test("an image is made, saved whole, and not fetched twice", async () => {
    const out = join(cli.folder, "one")
    const made = await cli.kiln(["generate", "a red mug", "--aspect-ratio", "4:3", "--out", out, "--json"])
    assert.equal(made.code, 0, made.stderr)
    const job = JSON.parse(made.stdout) as Job & { files: string[] }
    assert.equal(job.parameters.aspect_ratio, "4:3")
    const [file = ""] = job.files
    assert.equal(sha256Of(await readFile(file)), job.outputs[0]?.sha256)
    const fetched = cli.proxy.files
    const again = await cli.kiln(["job", job.id, "--out", out])
    assert.equal(again.stdout.trim(), file)
    assert.match(again.stderr, /0 images saved in .*, 1 were there already/)
    assert.equal(cli.proxy.files, fetched)
  })

  test("an image that is damaged on the way is not saved", async () => {
    const out = join(cli.folder, "damaged")
    cli.proxy.damages = true
    const made = await cli.kiln(["generate", "a blue mug", "--out", out, "--json"])
    cli.proxy.damages = false
    assert.equal(made.code, 1, made.stderr)
    assert.match(made.stderr, /arrived damaged: its SHA-256 is/)
    assert.deepEqual(await readdir(out).catch(() => []), [])
    const [, id = ""] = /(job_[0-9a-f]{32})/.exec(made.stderr) ?? []
    const repaired = await cli.kiln(["job", id, "--out", out])
    assert.equal(repaired.code, 0, repaired.stderr)
    assert.deepEqual(await readdir(out), [`${id}.png`])
  })

  test("a file is uploaded and edited", async () => {
    const photo = join(cli.folder, "photo.jpg")
    await writeFile(photo, await photoOf("#aa3322", 300, 200))
    const made = await cli.kiln(["edit", "make it blue", "--image", photo, "--wait", "--json"])
    assert.equal(made.code, 0, made.stderr)
    const job = JSON.parse(made.stdout) as Job
    assert.deepEqual([job.type, job.inputs[0]?.width], ["edit", 300])
    const missing = await cli.kiln(["edit", "make it blue", "--image", join(cli.folder, "none.jpg")])
    assert.deepEqual([missing.code, missing.stdout], [2, ""])
  })

  test("exit codes tell a failed job, a wrong key, a wrong command and a server that is away apart", async () => {
    const runs = await Promise.all([
      cli.kiln(["generate", "a mug [[safety]]", "--wait", "--json"]),
      cli.kiln(["job", "job_01a2053aea8a7000b00b5c06d44eab5c", "--json"], { KILN_API_KEY: "kiln_sk_wrong" }),
      cli.kiln(["generate", "a mug", "--colour", "red"]),
      cli.kiln(["generate", "a mug", "-n", "99", "--json"]),
      cli.kiln(["generate", "a mug", "--json"], { KILN_URL: "http://127.0.0.1:9" }),
    ])
    assert.deepEqual(
      runs.map(({ code }) => code),
      [1, 3, 2, 3, 4],
    )
    const codes = [1, 3, 4].map((index) => {
      const { error } = JSON.parse(runs[index]?.stdout ?? "") as { error: { code: string } }
      return error.code
    })
    assert.deepEqual(codes, ["unauthorized", "invalid_request", "unreachable"])
    assert.equal((JSON.parse(runs[0]?.stdout ?? "") as Job).error?.code, "content_blocked")
    for (const { stderr } of runs) assert.doesNotMatch(stderr, /node:internal|\.ts:\d/)
  })

  test("keys are made, work, are listed and end", async () => {
    const made = await cli.kiln([
      "keys",
      "create",
      "--tenant",
      "acme",
      "--scope",
      "jobs:read",
      "--name",
      "shop",
    ])
    assert.equal(made.code, 0, made.stderr)
    const key = made.stdout.trim()
    await createClient({ baseUrl: cli.world.url, key }).send(operations.listJobs)
    const listed = await cli.kiln(["keys", "list", "--tenant", "acme"])
    const [, id = ""] = /^(key_\w+) +acme +jobs:read +shop/m.exec(listed.stdout) ?? []
    assert.ok(!listed.stdout.includes(key))
    assert.equal((await cli.kiln(["keys", "revoke", id])).code, 0)
    const refused = await cli.kiln(["keys", "list", "--json"], { KILN_API_KEY: key })
    assert.equal(refused.code, 3)
  })

  test("the photos of the catalogue are drawn, small, and each is in its row", async () => {
    const catalogue = join(import.meta.dirname, "../../examples/catalogue")
    const csv = await readFile(join(catalogue, "products.csv"), "utf8")
    const photos = [...csv.matchAll(/\.\/(photos\/[\w-]+\.png)/g)].map(([, path = ""]) => path)
    assert.equal(new Set(photos).size, 12)
    for (const photo of photos) {
      const bytes = await readFile(join(catalogue, photo))
      assert.ok(bytes.length < 15_000, photo)
      assert.equal((await sharp(bytes).metadata()).format, "png")
    }
  })
})
