import assert from "node:assert/strict"
import { hash } from "node:crypto"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"
import { crc32, deflateSync } from "node:zlib"

import { operations, type EditInput, type Job } from "@kiln/contract"
import sharp from "sharp"

import { largePhoto } from "../world/large-photo.ts"
import { photoOf, servePhoto } from "../world/photo-server.ts"
import { sendForm } from "../world/send-form.ts"
import { startWorld, type World } from "../world/world.ts"

const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "hex")

/** A picture whose left half is red: what turns it or reads it wrongly is seen. */
const halves = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "blue" } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: "red" } }, gravity: "west" },
  ])

function pngChunk(type: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), content])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(content.length, 0)
  body.copy(whole, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}

/** A PNG of 50 000 × 50 000 black pixels, or the beginning of them, in about a kilobyte. */
function bomb(): Buffer {
  const size = Buffer.alloc(13)
  size.writeUInt32BE(50_000, 0)
  size.writeUInt32BE(50_000, 4)
  size.set([1, 0, 0, 0, 0], 8)
  const rows = deflateSync(Buffer.alloc(900_000), { level: 9 })
  const signature = Buffer.from("89504e470d0a1a0a", "hex")
  return Buffer.concat([
    signature,
    pngChunk("IHDR", size),
    pngChunk("IDAT", rows),
    pngChunk("IEND", Buffer.of()),
  ])
}

suite("input images", () => {
  let world: World
  let given: string
  before(async () => {
    given = await mkdtemp(join(tmpdir(), "kiln-given-"))
    world = await startWorld({
      env: { KILN_ALLOW_PRIVATE: "inputs", KILN_INPUT_STORAGE: `file:${given}` },
    })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    await rm(given, { recursive: true, force: true })
  })

  /** The hashes of the images that the upstream saw last, in its order, and that the words came after them. */
  function seen(): (string | null)[] {
    const turn = world.emulator.calls.at(-1)?.contents?.at(-1)
    assert.equal(turn?.parts.at(-1)?.kind, "text")
    return turn.parts.slice(0, -1).map((part) => part.sha256)
  }

  async function succeeded(id: string): Promise<Job> {
    const job = await world.ended(id)
    assert.equal(job.status, "succeeded", JSON.stringify(job.error))
    return job
  }

  test("may be given in every way at once, and reach the model in their order", async () => {
    await using server = await servePhoto()
    const photos = await Promise.all(
      ["#101010", "#202020", "#303030", "#404040", "#505050", "#606060"].map((colour) =>
        photoOf(colour, 300, 200),
      ),
    )
    const [base64, uri, kept, named, first, second] = photos as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ]
    const made = await world.make({ prompt: "A red mug" })
    const asset = await sendForm(world, { prompt: "Keep this" }, [kept])
    await mkdir(join(given, "default/spring 2026"), { recursive: true })
    await writeFile(join(given, "default/spring 2026/mug.jpg"), named)
    const images = [
      { url: server.url },
      { data: base64.toString("base64") },
      { data: `data:image/jpeg;base64,${uri.toString("base64")}` },
      { asset: asset.body.inputs[0]?.asset },
      { job: made.id, output: 0 },
      { key: "spring 2026/mug.jpg" },
    ]
    await succeeded(asset.body.id)
    const { status, body } = await sendForm(world, { prompt: "All of these", images }, [first, second])
    assert.equal(status, 202, JSON.stringify(body))
    const job = await succeeded(body.id)
    assert.equal(job.inputs.length, 8)
    const fetched = await (await fetch(server.url)).arrayBuffer()
    assert.deepEqual(seen(), [
      sha256(new Uint8Array(fetched)),
      ...[base64, uri, kept].map(sha256),
      made.outputs[0]?.sha256,
      ...[named, first, second].map(sha256),
    ])
  })

  test("come in their order when they are twelve, with a word on how many that is", async () => {
    const photos = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        photoOf(`#${(index + 2) * 11}${(index + 2) * 11}77`.slice(0, 7), 64, 48),
      ),
    )
    const { body } = await sendForm(world, { prompt: "A shelf with all of them" }, photos)
    const job = await succeeded(body.id)
    assert.deepEqual(seen(), photos.map(sha256))
    const warning = job.warnings.find(({ code }) => code === "many_inputs")
    assert.match(warning?.docs ?? "", /\/docs\/guidance#many_inputs$/)
    const page = await (await fetch(warning?.docs ?? "")).text()
    assert.match(page, /id="many_inputs"/)
  })

  test("are converted, turned upright and scaled to what models read; HEIC goes as it is", async () => {
    const turned = await halves(200, 100).jpeg({ quality: 95 }).withMetadata({ orientation: 6 }).toBuffer()
    const heic = largePhoto(2_000)
    const files = [
      await halves(200, 100).removeAlpha().avif({ effort: 0 }).toBuffer(),
      await halves(200, 100).tiff().toBuffer(),
      await halves(200, 100).gif().toBuffer(),
      turned,
      heic,
      await halves(4_000, 1_000).jpeg().toBuffer(),
    ]
    const { body } = await sendForm(world, { prompt: "Side by side" }, files)
    const job = await succeeded(body.id)
    assert.deepEqual(
      job.inputs.map(({ content_type, width, height }) => [content_type, width, height]),
      [
        ["image/jpeg", 200, 100],
        ["image/png", 200, 100],
        ["image/png", 200, 100],
        ["image/jpeg", 100, 200],
        ["image/heic", 4_032, 3_024],
        ["image/jpeg", 3_072, 768],
      ],
    )
    assert.equal(seen()[4], sha256(heic))
    for (const [index, [left, top]] of [
      [2, 50],
      [2, 50],
      [2, 50],
      [50, 2],
    ].entries()) {
      const { asset = "" } = job.inputs[index] ?? {}
      const { url } = await world.client.send(operations.getAsset, { params: { id: asset } })
      const bytes = Buffer.from(await (await fetch(url)).arrayBuffer())
      const area = { left: left ?? 0, top: top ?? 0, width: 1, height: 1 }
      const [red = 0, , blue = 0] = await sharp(bytes).extract(area).removeAlpha().raw().toBuffer()
      assert.ok(red > 200 && blue < 60, `image ${index} has its red half where it was`)
    }
  })

  test("that are no pictures, or cost too much to look at, are refused by name and cost nothing", async () => {
    const before_ = world.emulator.calls.length
    const tiny = bomb()
    assert.ok(tiny.length < 1_200, `${tiny.length} bytes`)
    const refused: [Uint8Array, string, RegExp][] = [
      [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), "input_unreadable", /an SVG drawing/],
      [tiny, "input_unreadable", /50000 × 50000 pixels/],
      [Buffer.from("<!doctype html><p>hello"), "input_unreadable", /an HTML page/],
      [Buffer.from("\0\0\0\x20ftypisom\0\0\x02\0isomiso2", "latin1"), "audio_or_video", /an MP4 video/],
      [Buffer.from("\0\0\0\x14ftypqt  \0\0\x02\0", "latin1"), "audio_or_video", /a QuickTime video/],
      [Buffer.from("\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "latin1"), "audio_or_video", /a WebM video/],
      [Buffer.from("ID3\x04\0\0", "latin1"), "audio_or_video", /an MP3 audio file/],
      [Buffer.from("RIFF\x24\0\0\0WAVEfmt ", "latin1"), "audio_or_video", /a WAV audio file/],
      [Buffer.from("OggS\0\x02\0\0", "latin1"), "audio_or_video", /an Ogg audio file/],
    ]
    for (const [file, code, sentence] of refused) {
      const { status, body } = await sendForm(world, { prompt: "x" }, [file])
      const [error] = body.errors ?? []
      assert.deepEqual([status, error?.pointer, error?.code], [400, "/image/0", code])
      assert.match(error?.detail ?? "", sentence)
      const linked = code === "audio_or_video" ? "/docs/guidance#audio_or_video" : undefined
      assert.equal(/\/docs\/\S+/.exec(error?.detail ?? "")?.[0], linked)
    }
    await mkdir(join(given, "default"), { recursive: true })
    await writeFile(join(given, "default/film.mp4"), "\0\0\0\x20ftypisom\0\0\x02\0isomiso2")
    const { body } = await sendForm(world, { prompt: "x", images: [{ key: "film.mp4" }] }, [])
    const { status, error, usage } = await world.ended(body.id)
    assert.deepEqual([status, error?.code, usage.upstream_calls], ["failed", "input_unreadable", 0])
    assert.match(
      error?.message ?? "",
      /^Input image 0: .* an MP4 video.*; see \/docs\/guidance#audio_or_video$/,
    )
    assert.equal(world.emulator.calls.length, before_)
  })

  test("that are something else as well lose that on the way", async () => {
    const html = Buffer.from("<script>alert(1)</script>")
    const zip = Buffer.from("PK\x03\x04 a file PK\x05\x06")
    const gif = Buffer.concat([await halves(40, 30).gif().toBuffer(), html])
    const png = Buffer.concat([await halves(40, 30).png().toBuffer(), zip])
    const { body } = await sendForm(world, { prompt: "Both" }, [gif, png])
    const job = await succeeded(body.id)
    for (const { asset, content_type } of job.inputs) {
      assert.equal(content_type, "image/png")
      const { url } = await world.client.send(operations.getAsset, { params: { id: asset } })
      const bytes = Buffer.from(await (await fetch(url)).arrayBuffer())
      assert.ok(!bytes.includes(html) && !bytes.includes(zip))
      assert.equal(bytes.toString("latin1", bytes.length - 8, bytes.length - 4), "IEND")
    }
  })

  test("that are deleted leave the jobs that used them readable", async () => {
    const { body } = await sendForm(world, { prompt: "In rain" }, [await photoOf("#123123", 90, 60)])
    const job = await succeeded(body.id)
    const { asset = "" } = job.inputs[0] ?? {}
    await world.client.send(operations.deleteAsset, { params: { id: asset } })
    const later = await world.job(job.id)
    assert.deepEqual(later.inputs, job.inputs)
    assert.equal((await fetch(later.outputs[0]?.url ?? "")).status, 200)
    const again: EditInput = { prompt: "In snow", images: [{ asset }] }
    assert.equal((await world.client.request(operations.createEdit, { body: again })).status, 400)
    const further: EditInput = { prompt: "In snow", images: [{ job: job.id, output: 0 }] }
    await succeeded((await world.client.send(operations.createEdit, { body: further })).id)
  })
})
