import { createHmac } from "node:crypto"

const prefix = "whsec_"

export type Signed = { id: string; timestampSeconds: number; body: string }

/** The value of `webhook-signature` (Standard Webhooks 1.0): one signature a secret, so two of them while one is replaced. */
export function sign({ id, timestampSeconds, body }: Signed, secrets: readonly string[]): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(prefix.length), "base64")
      const hash = createHmac("sha256", key).update(`${id}.${timestampSeconds}.${body}`).digest("base64")
      return `v1,${hash}`
    })
    .join(" ")
}
