import { operations, type Output } from "@kiln/contract"

import type { Client } from "./client.ts"
import { KilnError, KilnUnreachable, refusalOf, WrongImage } from "./kiln-error.ts"

export type Picture = Pick<Output, "index" | "url" | "bytes" | "sha256"> & { job: string }

/** Signed URLs end one day. */
const outdated = new Set([400, 401, 403, 404, 410])
/** An image that came broken once may have been broken on the way. */
const tries = 3

/** The bytes of an image, checked against its SHA-256. Throws WrongImage when they stay wrong. */
export async function downloadOutput(
  client: Client,
  picture: Picture,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchChecked(client, picture, signal)
    } catch (error) {
      signal?.throwIfAborted()
      const mayChange = error instanceof WrongImage || error instanceof KilnUnreachable
      if (!mayChange || attempt === tries) throw error
    }
  }
}

async function fetchChecked(client: Client, picture: Picture, signal?: AbortSignal) {
  const { job, index, bytes, sha256 } = picture
  const response = await open(client, picture, signal)
  if (!response.ok) throw await refusalOf(response)
  const content = await contentOf(response, bytes, signal)
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex()
  if (found === sha256) return content
  throw new WrongImage(`image ${index} of ${job} arrived damaged: its SHA-256 is ${found}, not ${sha256}`)
}

/** By the signed URL that is there, or else by a fresh one. */
async function open(client: Client, { url, job, index }: Picture, signal?: AbortSignal): Promise<Response> {
  if (url !== null) {
    const response = await client.fetchSigned(url, signal)
    if (!outdated.has(response.status)) return response
    await response.body?.cancel()
  }
  const there = await client.request(operations.getOutput, { params: { id: job, index }, signal })
  const location = there.headers.get("location")
  if (there.status !== 302 || location === null) throw await refusalOf(there)
  const response = await client.fetchSigned(location, signal)
  if (response.ok) return response
  throw new KilnError(response.status, { detail: `The storage answered ${response.status}` })
}

/** Reads no more than there should be: one byte too many is as wrong as another hash. */
async function contentOf(
  response: Response,
  bytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Uint8Array(bytes)
  let at = 0
  try {
    for await (const chunk of response.body ?? []) {
      if (at + chunk.length > bytes) throw new WrongImage(`the image is larger than ${bytes} bytes`)
      content.set(chunk, at)
      at += chunk.length
    }
  } catch (cause) {
    signal?.throwIfAborted()
    throw cause instanceof WrongImage ? cause : new KilnUnreachable("the image broke off", { cause })
  }
  if (at < bytes) throw new WrongImage(`the image has ${at} bytes, not ${bytes}`)
  return content
}
