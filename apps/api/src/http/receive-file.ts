import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import { Busboy, type BusboyInstance } from "@fastify/busboy"
import { Refusal } from "@kiln/contract"
import type { Request } from "express"

import { HangUp } from "./hang-up.ts"
import { decompressed } from "./read-bytes.ts"

export type ReceivedFile = {
  contentType: string
  fileName: string
  sha256: string
  /** The other parts of a form. */
  fields: Readonly<Record<string, string>>
}

type Options = { target: string; mostBytes: number; signal: AbortSignal }

const mostFieldBytes = 8_000_000
/** Of all files that are on their way, however many clients send at once: they lie on this machine's disk. */
const mostHeldBytes = 8_000_000_000
let heldBytes = 0

/** Streams a body to a file of this machine, decompressed. Throws a Refusal for what is too large, HangUp for half a body. */
export async function receiveBody(req: Request, options: Options): Promise<ReceivedFile> {
  if (Number(req.headers["content-length"]) > options.mostBytes) throw tooLarge(options.mostBytes)
  const [contentType = ""] = (req.headers["content-type"] ?? "").split(";", 1)
  const sha256 = await asRefusal(req, keep(decompressed(req), options))
  return { contentType: contentType.trim(), fileName: "", sha256, fields: {} }
}

/** Streams the file of a form to a file of this machine; its other parts are text. */
export async function receiveForm(req: Request, part: string, options: Options): Promise<ReceivedFile> {
  const form = openForm(req, options.mostBytes)
  const fields: Record<string, string> = {}
  const stop = new AbortController()
  let received: Promise<ReceivedFile> | undefined
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  form.on("field", (name, value, _nameCut, isCut) => {
    if (isCut) failed.reject(new Refusal("payload_too_large", `${name}: has at most 8 MB`))
    fields[name] = value
  })
  form.on("file", (name, stream, fileName, _encoding, contentType) => {
    stream.on("error", () => undefined)
    if (name !== part || received) {
      stream.resume()
      failed.reject(oneFile(name, part))
      return
    }
    const signal = AbortSignal.any([options.signal, stop.signal])
    received = keep(stream, { ...options, signal }).then((sha256) => ({
      contentType,
      fileName,
      sha256,
      fields,
    }))
    received.catch(failed.reject)
  })
  try {
    await Promise.race([pass(req, form), failed.promise])
    if (!received) throw oneFile("", part)
    return await received
  } catch (error) {
    stop.abort()
    throw req.destroyed && !req.complete ? new HangUp({ cause: error }) : error
  } finally {
    req.unpipe(form)
    form.destroy()
  }
}

async function pass(req: Request, form: BusboyInstance): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  req.once("close", () => {
    if (!req.complete) reject(new HangUp())
  })
  form.once("finish", resolve)
  form.on("error", (cause) => reject(new Refusal("invalid_request", "The form could not be read", { cause })))
  req.pipe(form)
  await promise
}

function openForm(req: Request, mostBytes: number): BusboyInstance {
  try {
    return new Busboy({
      headers: { ...req.headers, "content-type": req.headers["content-type"] ?? "" },
      limits: { fileSize: mostBytes + 1, files: 2, fields: 20, fieldSize: mostFieldBytes, headerPairs: 20 },
    })
  } catch (cause) {
    throw new Refusal("invalid_request", "The form has no boundary", { cause })
  }
}

/** Writes the bytes down and answers their SHA-256. */
async function keep(source: Readable, { target, mostBytes, signal }: Options): Promise<string> {
  const hash = createHash("sha256")
  let bytes = 0
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      bytes += chunk.length
      heldBytes += chunk.length
      if (bytes > mostBytes) throw tooLarge(mostBytes)
      if (heldBytes > mostHeldBytes) throw tooMany()
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    await pipeline(source, counted, createWriteStream(target), { signal })
    return hash.digest("hex")
  } finally {
    heldBytes -= bytes
  }
}

const tooLarge = (mostBytes: number) =>
  new Refusal("payload_too_large", `The body is larger than ${Math.round(mostBytes / 1e6)} MB`)
const tooMany = () =>
  new Refusal("unavailable", "Too many large files are on their way", { retryAfterMs: 1_000 })

async function asRefusal<Result>(req: Request, step: Promise<Result>): Promise<Result> {
  try {
    return await step
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (req.destroyed && !req.complete) throw new HangUp({ cause: error })
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_")) {
      throw new Refusal("invalid_request", "The body could not be decompressed", { cause: error })
    }
    throw error
  }
}

function oneFile(name: string, part: string): Refusal {
  const detail =
    name === "" || name === part ? "one file is required, as a part of the form" : "there is no such file"
  const pointer = `/${name === "" ? part : name}`
  return new Refusal("invalid_request", `${pointer.slice(1)}: ${detail}`, {
    errors: [{ pointer, code: name === "" ? "required" : "invalid_value", detail }],
  })
}
