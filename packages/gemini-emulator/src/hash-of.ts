import { createHash } from "node:crypto"

const known = new WeakMap<Buffer, Buffer>()

/** The SHA-256 of bytes, which are not changed any more: a large file is hashed once, however often it is used. */
export function hashOf(bytes: Buffer): Buffer {
  const before = known.get(bytes)
  if (before !== undefined) return before
  const hash = createHash("sha256").update(bytes).digest()
  known.set(bytes, hash)
  return hash
}
