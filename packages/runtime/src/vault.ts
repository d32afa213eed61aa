import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"

const cipher = "aes-256-gcm"
const nonceBytes = 12
const tagBytes = 16
/** The same few are opened for every delivery. */
const mostOpened = 500

/**
 * Seals small secrets with AES-256-GCM under a key made of `secret` (HKDF, SHA-256). The context is bound to what is
 * sealed: moved to another place it does not open. `open` throws for anything but what `seal` made there.
 */
export function createVault(secret: string) {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "kiln vault", 32))
  const opened = new Map<string, string>()

  function unseal(sealed: string, context: string): string {
    const bytes = Buffer.from(sealed, "base64")
    const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
    opening.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-tagBytes))
    return opening.update(bytes.subarray(nonceBytes, -tagBytes), undefined, "utf8") + opening.final("utf8")
  }

  return {
    seal(text: string, context: string): string {
      const nonce = randomBytes(nonceBytes)
      const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(context))
      const sealed = [nonce, sealing.update(text, "utf8"), sealing.final(), sealing.getAuthTag()]
      return Buffer.concat(sealed).toString("base64")
    },

    open(sealed: string, context: string): string {
      const name = `${context} ${sealed}`
      const known = opened.get(name)
      if (known !== undefined) return known
      const text = unseal(sealed, context)
      if (opened.size >= mostOpened) opened.clear()
      opened.set(name, text)
      return text
    },
  }
}
