import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"

import { Busboy, type BusboyConfig, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy"
import { pointerOf, Refusal } from "@kiln/contract"
import type { Request } from "express"

import { HangUp } from "./hang-up.ts"

/** Bytes of one caller that lie in this machine's folder; they are given back when it is disposed of. */
export type Room = Disposable & { take(bytes: number): void }

/** Bounds what all callers together have in the folder, however slowly they send. `take` throws `unavailable`. */
export function createRooms({ mostHeldBytes }: { mostHeldBytes: number }): () => Room {
  let heldBytes = 0
  return () => {
    let held = 0
    return {
      take(bytes) {
        held += bytes
        heldBytes += bytes
        if (heldBytes > mostHeldBytes) {
          throw new Refusal("unavailable", "Too many large files are on their way", { retryAfterMs: 1_000 })
        }
      },
      [Symbol.dispose]() {
        heldBytes -= held
        held = 0
      },
    }
  }
}

type Saving = { target: string; room: Room; mostBytes: number; signal: AbortSignal }

/** Streams a file of a form to a file of this machine; answers the SHA-256 of its bytes. */
export async function saveFile(
  file: BusboyFileStream,
  { target, room, mostBytes, signal }: Saving,
): Promise<string> {
  const hash = createHash("sha256")
  await pipeline(
    file,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        room.take(chunk.length)
        hash.update(chunk)
        yield chunk
      }
    },
    createWriteStream(target),
    { signal },
  )
  if (file.truncated) throw tooLarge(mostBytes)
  return hash.digest("hex")
}

/** A parser of forms whose every part is a stream. Throws `invalid_request` for a form without a boundary. */
export function openForm(req: Request, limits: BusboyConfig["limits"]): BusboyInstance {
  const type = req.headers["content-type"] ?? ""
  try {
    return new Busboy({
      headers: { ...req.headers, "content-type": type },
      limits: { fields: 1, fieldSize: 1_024, headerPairs: 20, ...limits },
      isPartAFile: () => true,
    })
  } catch (cause) {
    throw new Refusal("invalid_request", "The form has no boundary", { cause })
  }
}

/** Passes the whole body to the form, until that is read or `failed` rejects; half a body is a HangUp. */
export async function passBody(
  req: Request,
  form: BusboyInstance,
  { failed, fail }: { failed: Promise<never>; fail: (reason: Error) => void },
): Promise<void> {
  const cut = () => {
    if (!req.complete) fail(new HangUp())
  }
  // A caller that was gone before anybody listened is not heard of again.
  if (req.destroyed) cut()
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

export const wrongPart = (pointer: string, code: string, detail: string): Refusal =>
  new Refusal("invalid_request", detail, { errors: [{ pointer, code, detail }] })

export function unknownPart(name: string, detail = "there is no such field"): Refusal {
  return new Refusal("unknown_field", `${name}: ${detail}`, {
    errors: [{ pointer: pointerOf([name]), code: "unknown_field", detail }],
  })
}

export const tooLarge = (bytes: number): Refusal =>
  new Refusal("payload_too_large", `The file is larger than ${Math.round(bytes / 1e6)} MB`)
