import { join } from "node:path"
import { pipeline } from "node:stream/promises"

import type { BusboyFileStream } from "@fastify/busboy"
import { mostAssetBytes, mostInputImages, Refusal } from "@kiln/contract"
import type { Request } from "express"

import {
  createRooms,
  openForm,
  passBody,
  saveFile,
  tooLarge,
  unknownPart,
  wrongPart,
  type Room,
} from "./form.ts"
import { mostBodyBytes, parseJson } from "./read-body.ts"

/** A file of a form, on this machine until the request is answered; `index` counts the form's images. */
export type SentFile = { path: string; sha256: string; index: number }

/** What came as `multipart/form-data`: the request, and the images beside it in their order. */
export type SentForm = AsyncDisposable & { request: object; files: readonly SentFile[] }

type Options = {
  /** A folder for one request. */
  openFolder: () => Promise<AsyncDisposable & { path: string }>
  /** Of all requests that are not answered yet. */
  mostHeldBytes: number
}

const mostFormBytes = mostInputImages * mostAssetBytes + mostBodyBytes

/**
 * Reads forms of a JSON part `request` and files `image`. It throws a Refusal that names the part at fault, or HangUp
 * for half a body, and leaves no file then.
 */
export function createReadForm({ openFolder, mostHeldBytes }: Options) {
  const openRoom = createRooms({ mostHeldBytes })

  return async (req: Request, { images }: { images: boolean }): Promise<SentForm> => {
    if (Number(req.headers["content-length"]) > mostFormBytes) throw tooLarge(mostFormBytes)
    await using opened = new AsyncDisposableStack()
    const room = opened.use(openRoom())
    const { path: folder } = opened.use(await openFolder())
    const { request, files } = await readParts(req, { folder, room, images })
    const taken = opened.move()
    return { request, files, [Symbol.asyncDispose]: () => taken.disposeAsync() }
  }
}
export type ReadForm = ReturnType<typeof createReadForm>

type Reading = { folder: string; room: Room; images: boolean }

async function readParts(req: Request, { folder, room, images }: Reading) {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>()
  failed.catch(() => undefined)
  const stop = new AbortController()
  const { signal } = stop
  const files: Promise<SentFile>[] = []
  const requests: Promise<Buffer>[] = []
  const form = openForm(req, {
    fileSize: mostAssetBytes,
    files: mostInputImages + 2,
    parts: mostInputImages + 3,
  })
  form.on("field", (name) => fail(unknownPart(name)))
  form.on("file", (name, file) => {
    // A stream that nobody listens to would end the process when its form breaks off.
    file.on("error", () => undefined)
    if (name === "request" && requests.length === 0) {
      requests.push(watched(readText(file, signal)))
    } else if (name === "image" && images && files.length < mostInputImages) {
      const index = files.length
      const path = join(folder, `${index}`)
      const saving = saveFile(file, { target: path, room, mostBytes: mostAssetBytes, signal })
      files.push(watched(saving.then((sha256) => ({ path, sha256, index }))))
    } else {
      fail(unwanted(name, images))
      file.resume()
    }
  })
  try {
    await passBody(req, form, { failed, fail })
    const [text] = await Promise.all(requests)
    if (!text) throw wrongPart("/request", "required", "request: is required, as a part with JSON")
    return { request: parseJson(text, "/request"), files: await Promise.all(files) }
  } catch (error) {
    // Half a form never ends the streams of its parts.
    stop.abort()
    await Promise.allSettled([...files, ...requests])
    throw error
  }

  function watched<Result>(reading: Promise<Result>): Promise<Result> {
    reading.catch(fail)
    return reading
  }
}

async function readText(file: BusboyFileStream, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  await pipeline(
    file,
    async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) {
        bytes += chunk.length
        if (bytes > mostBodyBytes) throw requestTooLarge()
        chunks.push(chunk)
      }
    },
    { signal },
  )
  return Buffer.concat(chunks)
}

function unwanted(name: string, images: boolean): Refusal {
  if (name === "request") return wrongPart("/request", "duplicate", "request: is there twice")
  if (name !== "image") return unknownPart(name, "there is no such part; there are `request` and `image`")
  if (!images) return unknownPart(name, "a generation takes no images; send them to POST /v1/edits")
  return wrongPart("/image", "too_big", `image: up to ${mostInputImages} files are taken`)
}

const requestTooLarge = () =>
  new Refusal("payload_too_large", `request: is larger than ${Math.round(mostBodyBytes / 1024 / 1024)} MB`)
