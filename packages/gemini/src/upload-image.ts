import { setTimeout as sleep } from "node:timers/promises"

import { JobFailure } from "@kiln/contract"
import type { PaintInput } from "@kiln/jobs"
import {
  type Endpoint,
  type Redact,
  type Upstream,
  decodedBody,
  fileUrl,
  isSuccess,
  lenient,
  readError,
  readText,
  uploadUrl,
} from "@kiln/upstream"
import type { Dispatcher } from "undici"
import { z } from "zod"

import { bytesOf, sizeOf } from "./image-bytes.ts"

/** Whose files they are: a file belongs to the project of the key, at one upstream. */
export type Owner = Omit<Endpoint, "apiModel"> & { key: string }

type Context = { upstream: Upstream; redact: Redact; owner: Owner; signal: AbortSignal }

const readyWithinMs = 60_000
const firstPauseMs = 250
const longestPauseMs = 4_000

const File = z.object({
  name: lenient(z.string().max(256)),
  uri: z.string().min(1).max(2_048),
  state: lenient(z.string()),
  expirationTime: lenient(z.iso.datetime({ offset: true })),
})
type File = z.infer<typeof File>
const Uploaded = z.union([z.object({ file: File }).transform(({ file }) => file), File])

/** Uploads an image and waits until the upstream is ready to use it. Throws a JobFailure, or CallAborted. */
export async function uploadImage(image: PaintInput, context: Context): Promise<File> {
  const bytes = await sizeOf(image)
  const to = await startUpload(bytes, image.contentType, context)
  const { upstream, owner, signal } = context
  const call = {
    method: "POST",
    url: to,
    // The address itself is the permission; the key goes to no other host than its own.
    key: to.origin === uploadUrl(owner).origin ? owner.key : "",
    body: { bytes, chunks: () => bytesOf(image) },
    headers: {
      "content-type": "application/octet-stream",
      "x-goog-upload-command": "upload, finalize",
      "x-goog-upload-offset": "0",
    },
    isBilled: false,
    signal,
  } as const
  return whenReady(await upstream.call(call, (response) => readFile(response, context)), context)
}

/** The first request of a resumable upload says what will come; the answer says where to. */
async function startUpload(
  bytes: number,
  contentType: string,
  { upstream, owner, signal, redact }: Context,
): Promise<URL> {
  const call = {
    method: "POST",
    url: uploadUrl(owner),
    key: owner.key,
    body: Buffer.from(JSON.stringify({ file: { display_name: "kiln" } })),
    headers: {
      "x-goog-upload-protocol": "resumable",
      "x-goog-upload-command": "start",
      "x-goog-upload-header-content-length": String(bytes),
      "x-goog-upload-header-content-type": contentType,
    },
    isBilled: false,
    signal,
  } as const
  return upstream.call(call, async (response) => {
    const [address = ""] = [response.headers["x-goog-upload-url"]].flat()
    if (hasNoFiles(response, address)) throw withoutFiles(response.statusCode)
    if (!isSuccess(response)) throw await readError(response, { signal, redact })
    return new URL(address)
  })
}

/** What gateways answer that know nothing of files. */
const strangeness = new Set([404, 405, 501])

const hasNoFiles = (response: Dispatcher.ResponseData, address: string): boolean =>
  strangeness.has(response.statusCode) || (isSuccess(response) && !URL.canParse(address))

function withoutFiles(status: number): JobFailure {
  const sentence = "With its images the request is above 19 MB, and this model's gateway takes no uploads"
  return new JobFailure("invalid_request", sentence, { upstream: { status } })
}

/** Images are ready at once, as a rule. */
async function whenReady(file: File, context: Context): Promise<File> {
  const { upstream, owner, signal } = context
  const endsAt = Date.now() + readyWithinMs
  let latest = file
  for (let pauseMs = firstPauseMs; latest.state === "PROCESSING"; pauseMs *= 2) {
    if (latest.name === undefined || Date.now() > endsAt) {
      throw new JobFailure("upstream_timeout", "The upstream did not get an uploaded image ready in time")
    }
    await sleep(Math.min(pauseMs, longestPauseMs), undefined, { signal })
    const call = { method: "GET", url: fileUrl(owner, latest.name), key: owner.key, signal } as const
    latest = await upstream.call({ ...call, isBilled: false }, (response) => readFile(response, context))
  }
  if (latest.state !== "FAILED") return latest
  throw new JobFailure("input_unreadable", "The upstream could not read an uploaded image")
}

async function readFile(response: Dispatcher.ResponseData, { signal, redact }: Context): Promise<File> {
  if (!isSuccess(response)) throw await readError(response, { signal, redact })
  const file = Uploaded.safeParse(jsonOf(await readText(decodedBody(response))))
  if (file.success) return file.data
  throw new JobFailure("upstream_error", "The upstream did not say where it keeps an uploaded image")
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
