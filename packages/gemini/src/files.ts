import { createHash } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"

import { JobFailure } from "@kiln/contract"
import { CallAborted, type PaintInput, type UploadedFiles } from "@kiln/jobs"
import type { Dispatcher } from "undici"
import { z } from "zod"

import { decodedBody } from "./decoded-body.ts"
import { bytesOf, hashOf, sizeOf } from "./image-bytes.ts"
import { lenient } from "./lenient.ts"
import { fileUrl, uploadUrl, type Endpoint } from "./model-url.ts"
import { isSuccess, readError, readText } from "./read-error.ts"
import type { Redact } from "./redact.ts"
import { createSharedWork } from "./shared-work.ts"
import type { Upstream } from "./upstream.ts"

/** Whose files they are: a file belongs to the project of the key, at one upstream. */
type Owner = Omit<Endpoint, "apiModel"> & { key: string }

export type Files = {
  /**
   * The address of the image at the upstream, where it is uploaded if it is not there yet; `refused` are addresses that
   * the upstream no longer knows. Throws a JobFailure that says that no image was asked for, or CallAborted.
   */
  uriOf(
    image: PaintInput,
    owner: Owner,
    options: { signal: AbortSignal; refused: ReadonlySet<string> },
  ): Promise<string>
}

type Options = { upstream: Upstream; uploaded: UploadedFiles; redact: Redact }

/** Files live 48 hours; a call that starts in the last of them shall still find its own. */
const marginMs = 3_600_000
const usualLifeMs = 48 * 3_600_000
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

/** Images that are too large for requests, uploaded to the upstream and reused as long as it keeps them. */
export function createFiles({ upstream, uploaded, redact }: Options): Files {
  const share = createSharedWork<string>()

  async function call<Result>(
    what: Omit<Parameters<Upstream["call"]>[0], "isBilled">,
    read: (response: Dispatcher.ResponseData) => Promise<Result>,
  ): Promise<Result> {
    return upstream.call({ ...what, isBilled: false }, read)
  }

  /** A resumable upload in its two requests: the first says what will come, the second brings all of it. */
  async function upload(image: PaintInput, owner: Owner, signal: AbortSignal): Promise<File> {
    const bytes = await sizeOf(image)
    const start = uploadUrl(owner)
    const to = await call(
      {
        method: "POST",
        url: start,
        key: owner.key,
        body: Buffer.from(JSON.stringify({ file: { display_name: "kiln" } })),
        headers: {
          "x-goog-upload-protocol": "resumable",
          "x-goog-upload-command": "start",
          "x-goog-upload-header-content-length": String(bytes),
          "x-goog-upload-header-content-type": image.contentType,
        },
        signal,
      },
      (response) => placeOf(response, { signal, redact }),
    )
    const body = { bytes, chunks: () => bytesOf(image) }
    const headers = {
      "content-type": "application/octet-stream",
      "x-goog-upload-command": "upload, finalize",
      "x-goog-upload-offset": "0",
    }
    // The address itself is the permission; the key goes to no other host than its own.
    const key = to.origin === start.origin ? owner.key : ""
    return call({ method: "POST", url: to, key, body, headers, signal }, (response) =>
      readFile(response, { signal, redact }),
    )
  }

  /** Waits until the upstream has looked at the file; images are ready at once, as a rule. */
  async function whenReady(file: File, owner: Owner, signal: AbortSignal): Promise<File> {
    const endsAt = Date.now() + readyWithinMs
    let latest = file
    for (let pauseMs = firstPauseMs; latest.state === "PROCESSING"; pauseMs *= 2) {
      if (latest.name === undefined || Date.now() > endsAt) {
        throw new JobFailure("upstream_timeout", "The upstream did not get an uploaded image ready in time")
      }
      await sleep(Math.min(pauseMs, longestPauseMs), undefined, { signal })
      const url = fileUrl(owner, latest.name)
      latest = await call({ method: "GET", url, key: owner.key, signal }, (response) =>
        readFile(response, { signal, redact }),
      )
    }
    if (latest.state !== "FAILED") return latest
    throw new JobFailure("input_unreadable", "The upstream could not read an uploaded image")
  }

  return {
    async uriOf(image, owner, { signal, refused }) {
      try {
        const name = nameOf(owner, image, await hashOf(image))
        const known = await uploaded.find(name).catch(() => undefined)
        if (known !== undefined && !refused.has(known)) return known
        return await share(name, signal, async (stop) => {
          const file = await whenReady(await upload(image, owner, stop), owner, stop)
          const lifeMs = file.expirationTime ? Date.parse(file.expirationTime) - Date.now() : usualLifeMs
          // What cannot be remembered is uploaded again.
          if (lifeMs > marginMs) await uploaded.remember(name, file.uri, lifeMs - marginMs).catch(() => {})
          return file.uri
        })
      } catch (error) {
        if (signal.aborted) throw new CallAborted({ charged: "no", cause: signal.reason })
        throw unasked(error)
      }
    },
  }
}

/** One content for one owner; the key is in it and cannot be read out of it. */
const nameOf = ({ baseUrl, apiVersion, key }: Owner, { contentType }: PaintInput, sha256: string): string =>
  createHash("sha256")
    .update(JSON.stringify([baseUrl, apiVersion, key, contentType, sha256]))
    .digest("hex")

type Reading = { signal: AbortSignal; redact: Redact }

/** What gateways answer that know nothing of files. */
const withoutFiles = new Set([404, 405, 501])

async function placeOf(response: Dispatcher.ResponseData, reading: Reading): Promise<URL> {
  const [address] = [response.headers["x-goog-upload-url"]].flat()
  if (withoutFiles.has(response.statusCode) || (isSuccess(response) && !URL.canParse(address ?? ""))) {
    const sentence = "With its images the request is above 19 MB, and this model's gateway takes no uploads"
    throw new JobFailure("invalid_request", sentence, { upstream: { status: response.statusCode } })
  }
  if (!isSuccess(response)) throw await readError(response, reading)
  return new URL(address ?? "")
}

async function readFile(response: Dispatcher.ResponseData, reading: Reading): Promise<File> {
  if (!isSuccess(response)) throw await readError(response, reading)
  const text = await readText(decodedBody(response))
  const file = Uploaded.safeParse(jsonOf(text))
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

/** The same failure as one that cost nothing. */
function unasked(error: unknown): JobFailure {
  const { code, message, retryAfterMs, quota, upstream, cause } = JobFailure.from(error)
  return new JobFailure(code, message, { retryAfterMs, quota, upstream, wasAsked: false, cause })
}
