import { createHash, createHmac, timingSafeEqual } from "node:crypto"

import { hashOf } from "../hash-of.ts"

// Fixed on purpose: a conversation must outlive a restart of the emulator. It protects nothing.
const key = "kiln-gemini-emulator/thought-signature"
const tagBytes = 32

type Issue = {
  /** Bytes of the signature; 1 to 15 kB if absent. */
  bytes?: number | undefined
  /** The image that it belongs to; a text's belongs to no words, since a stream divides them. */
  image?: Buffer
}

/** A thought signature: opaque, base64, as long as the real ones, with a tag by which it is known again. */
export function issueSignature(about: string, { bytes, image }: Issue = {}): string {
  const hash = createHash("sha256").update(about).digest()
  const outputLength = bytes ?? 1000 + (hash.readUInt16BE(0) % 14_000)
  const payload = createHash("shake256", { outputLength }).update(hash).digest()
  return Buffer.concat([tagOf(payload, image), payload]).toString("base64")
}

/** Whether this emulator, in this or an earlier run, issued the signature, and for this image where it is one's. */
export function isIssuedSignature(signature: string, image?: Buffer): boolean {
  const bytes = Buffer.from(signature, "base64")
  const payload = bytes.subarray(tagBytes)
  return bytes.length > tagBytes && timingSafeEqual(bytes.subarray(0, tagBytes), tagOf(payload, image))
}

function tagOf(payload: Buffer, image?: Buffer): Buffer {
  const tag = createHmac("sha256", key).update(payload)
  if (image !== undefined) tag.update(hashOf(image))
  return tag.digest()
}
