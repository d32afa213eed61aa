import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"

type Secret = { token: string; idempotencyKey: string }

const cipher = "aes-256-gcm"
const nonceBytes = 12
const tagBytes = 16

/** Only who has both words can derive it: what lies in Redis is of no use to who reads Redis. */
const keyOf = ({ token, idempotencyKey }: Secret): Buffer =>
  Buffer.from(hkdfSync("sha256", token, idempotencyKey, "kiln remembered answer", 32))

export function seal(text: string, secret: Secret): string {
  const nonce = randomBytes(nonceBytes)
  const sealing = createCipheriv(cipher, keyOf(secret), nonce)
  const sealed = Buffer.concat([nonce, sealing.update(text, "utf8"), sealing.final(), sealing.getAuthTag()])
  return sealed.toString("base64")
}

/** The text, or undefined for another secret than it was sealed with. */
export function unseal(sealed: string, secret: Secret): string | undefined {
  const bytes = Buffer.from(sealed, "base64")
  const opening = createDecipheriv(cipher, keyOf(secret), bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  opening.setAuthTag(bytes.subarray(-tagBytes))
  try {
    return opening.update(bytes.subarray(nonceBytes, -tagBytes), undefined, "utf8") + opening.final("utf8")
  } catch {
    return undefined
  }
}
