import { createHash, createHmac, timingSafeEqual } from "node:crypto"

// Fixed on purpose: a conversation must outlive a restart of the emulator. It protects nothing.
const key = "kiln-gemini-emulator/thought-signature"
const tagBytes = 32

/** A thought signature: opaque, base64, 1 to 20 kB of bytes as the real ones, with a tag by which it is known again. */
export function issueSignature(about: string): string {
  const hash = createHash("sha256").update(about).digest()
  const bytes = 1000 + (hash.readUInt16BE(0) % 14_000)
  const payload = createHash("shake256", { outputLength: bytes }).update(hash).digest()
  return Buffer.concat([tagOf(payload), payload]).toString("base64")
}

/** Whether this emulator, in this or an earlier run, issued the signature. */
export function isIssuedSignature(signature: string): boolean {
  const bytes = Buffer.from(signature, "base64")
  const payload = bytes.subarray(tagBytes)
  return bytes.length > tagBytes && timingSafeEqual(bytes.subarray(0, tagBytes), tagOf(payload))
}

function tagOf(payload: Buffer): Buffer {
  return createHmac("sha256", key).update(payload).digest()
}
