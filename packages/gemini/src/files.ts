import { createHash } from "node:crypto"

import { JobFailure } from "@kiln/contract"
import { CallAborted, type PaintInput, type UploadedFiles } from "@kiln/jobs"
import type { Redact, Upstream } from "@kiln/upstream"

import { hashOf } from "./image-bytes.ts"
import { createSharedWork } from "./shared-work.ts"
import { uploadImage, type Owner } from "./upload-image.ts"

type Options = { upstream: Upstream; uploaded: UploadedFiles; redact: Redact }

/** Files live 48 hours; a call that starts in the last of them shall still find its own. */
const marginMs = 3_600_000
const usualLifeMs = 48 * 3_600_000

/** Images that are too large for requests, uploaded to the upstream and reused as long as it keeps them. */
export function createFiles({ upstream, uploaded, redact }: Options) {
  const share = createSharedWork<string>()

  async function upload(name: string, image: PaintInput, owner: Owner, signal: AbortSignal): Promise<string> {
    const { uri, expirationTime } = await uploadImage(image, { upstream, redact, owner, signal })
    const lifeMs = expirationTime ? Date.parse(expirationTime) - Date.now() : usualLifeMs
    // What cannot be remembered is uploaded again.
    if (lifeMs > marginMs) void uploaded.remember(name, uri, lifeMs - marginMs).catch(() => {})
    return uri
  }

  return {
    /**
     * The address of the image at the upstream, where it is uploaded if it is not there yet; `refused` are addresses
     * that the upstream no longer knows. Throws a JobFailure that says that no image was asked for, or CallAborted.
     */
    async uriOf(
      image: PaintInput,
      owner: Owner,
      { signal, refused }: { signal: AbortSignal; refused: ReadonlySet<string> },
    ): Promise<string> {
      try {
        const name = nameOf(owner, image, await hashOf(image))
        const known = await uploaded.find(name).catch(() => undefined)
        if (known !== undefined && !refused.has(known)) return known
        return await share(name, signal, (stop) => upload(name, image, owner, stop))
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

/** The same failure as one that cost nothing. */
function unasked(error: unknown): JobFailure {
  const failure = JobFailure.from(error)
  const { code, message, retryAfterMs, retryable, quota, upstream, cause } = failure
  return new JobFailure(code, message, { retryAfterMs, retryable, quota, upstream, cause, wasAsked: false })
}
