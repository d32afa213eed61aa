import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"

import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy"
import { pointerOf, Refusal } from "@kiln/contract"
import type { Request } from "express"

import { HangUp } from "./hang-up.ts"

export type UploadLimits = {
  /** Of one file. */
  mostBytes: number
  /** Of all files that are on their way, however many clients send slowly. */
  mostHeldBytes: number
}

/** What stands around the file in a form. */
const formBytes = 64 * 1024

/**
 * Streams the one file of a form to a file of this machine. It throws a Refusal for a form of another kind or a file
 * that is too large, HangUp for half a body.
 */
export function createReadUpload({ mostBytes, mostHeldBytes }: UploadLimits) {
  let heldBytes = 0

  async function keep(file: BusboyFileStream, target: string, signal: AbortSignal): Promise<void> {
    let held = 0
    try {
      await pipeline(
        file,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            held += chunk.length
            heldBytes += chunk.length
            if (heldBytes > mostHeldBytes) throw tooMany()
            yield chunk
          }
        },
        createWriteStream(target),
        { signal },
      )
      if (file.truncated) throw tooLarge(mostBytes)
    } finally {
      heldBytes -= held
    }
  }

  return async (req: Request, { part, target }: { part: string; target: string }): Promise<void> => {
    if (Number(req.headers["content-length"]) > mostBytes + formBytes) throw tooLarge(mostBytes)
    const form = openForm(req, mostBytes)
    const { promise: failed, reject } = Promise.withResolvers<never>()
    failed.catch(() => undefined)
    const stop = new AbortController()
    let keeping: Promise<void> | undefined
    form.on("field", (name) => reject(unknownField(name)))
    form.on("file", (name, file) => {
      // A stream that nobody listens to would end the process when its form breaks off.
      file.on("error", () => undefined)
      if (name === part && !keeping) {
        keeping = keep(file, target, stop.signal)
        keeping.catch(reject)
        return
      }
      reject(name === part ? tooManyFiles(part) : unknownField(name))
      file.resume()
    })
    try {
      await pass(req, form, failed, reject)
      await keeping
    } catch (error) {
      // Half a form never ends the stream of its file.
      stop.abort()
      await keeping?.catch(() => undefined)
      throw error
    }
    if (!keeping) throw wrong(`/${part}`, "required", `${part}: is required, as a file`)
  }
}

/** Passes the whole body to the form, until that is read or something failed. */
async function pass(
  req: Request,
  form: BusboyInstance,
  failed: Promise<never>,
  fail: (reason: Error) => void,
): Promise<void> {
  const cut = () => {
    if (!req.complete) fail(new HangUp())
  }
  req.once("close", cut)
  form.on("error", (cause) => fail(new Refusal("invalid_request", "The form could not be read", { cause })))
  const read = new Promise<void>((resolve) => form.once("finish", resolve))
  req.pipe(form)
  try {
    await Promise.race([read, failed])
  } finally {
    req.off("close", cut).unpipe(form)
    form.destroy()
  }
}

function openForm(req: Request, mostBytes: number) {
  const type = req.headers["content-type"] ?? ""
  try {
    return new Busboy({
      headers: { ...req.headers, "content-type": type },
      limits: { fileSize: mostBytes, files: 2, fields: 1, parts: 3, fieldSize: 1_024, headerPairs: 20 },
      isPartAFile: () => true,
    })
  } catch (cause) {
    throw new Refusal("invalid_request", "The form has no boundary", { cause })
  }
}

const wrong = (pointer: string, code: string, detail: string) =>
  new Refusal("invalid_request", detail, { errors: [{ pointer, code, detail }] })

function unknownField(name: string): Refusal {
  const detail = "there is no such field"
  return new Refusal("unknown_field", `${name}: ${detail}`, {
    errors: [{ pointer: pointerOf([name]), code: "unknown_field", detail }],
  })
}

const tooManyFiles = (part: string) => wrong(`/${part}`, "too_big", `${part}: one file is taken at a time`)
const tooLarge = (bytes: number) =>
  new Refusal("payload_too_large", `The file is larger than ${Math.round(bytes / 1e6)} MB`)
const tooMany = () =>
  new Refusal("unavailable", "Too many large files are on their way", { retryAfterMs: 1_000 })
