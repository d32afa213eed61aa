import { randomBytes } from "node:crypto"

import type { Redis } from "ioredis"

import type { Scripts } from "./scripts.ts"
import type { Vault } from "./vault.ts"

type Options = { redis: Redis; scripts: Scripts; prefix: string; vault: Vault }

/** The old secret stays good for so long. */
const overlapMs = 24 * 3_600_000

const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`

export const endpointSecret = (endpoint: string): string => `secret:${endpoint}`
export const tenantSecret = (tenant: string): string => `tenant-secret:${tenant}`

/** What signs deliveries: a secret for each endpoint, and one a tenant for what jobs bring along. */
export function createWebhookSecrets({ redis, scripts, prefix, vault }: Options) {
  const probe = `${prefix}:vault-check`
  let isChecked = false

  /** Whether what lies in Redis was sealed under this key, or nothing was. */
  async function fits(): Promise<boolean> {
    const kept = await redis.get(probe)
    if (kept === null) return true
    try {
      vault.open(kept, "check")
      return true
    } catch {
      return false
    }
  }

  /** Before the first sealing of a process: two keys must never mix. */
  async function ensure(): Promise<void> {
    if (isChecked) return
    await redis.set(probe, vault.seal("kiln", "check"), "NX")
    if (!(await fits())) throw new Error("The webhook secrets in Redis were sealed under another key")
    isChecked = true
  }

  return {
    fits,
    ensure,

    async make(context: string): Promise<{ secret: string; sealed: string }> {
      await ensure()
      const secret = newSecret()
      return { secret, sealed: vault.seal(secret, context) }
    },

    /** The new secret of an endpoint; undefined when the tenant has no such endpoint. */
    async rotate(tenant: string, endpoint: string): Promise<string | undefined> {
      const { secret, sealed } = await this.make(endpointSecret(endpoint))
      const answer = await scripts.run("rotate-secret", "endpoint", tenant, endpoint, sealed, overlapMs)
      return answer === "rotated" ? secret : undefined
    },

    /** The new secret of what the tenant's jobs bring along. */
    async rotateOwn(tenant: string): Promise<string> {
      const { secret, sealed } = await this.make(tenantSecret(tenant))
      await scripts.run("rotate-secret", "tenant", tenant, "", sealed, overlapMs)
      return secret
    },

    /** Sees to it that the tenant has a secret for what jobs bring along. */
    async ensureOwn(tenant: string): Promise<void> {
      await ensure()
      if (await redis.hexists(`${prefix}:hook-secret:${tenant}`, "secret")) return
      const { sealed } = await this.make(tenantSecret(tenant))
      await scripts.run("first-secret", tenant, sealed)
    },
  }
}
export type WebhookSecrets = ReturnType<typeof createWebhookSecrets>

/** Sealed, as they lie in the hash of an endpoint or a tenant. */
type SealedSecrets = { secret: string | null; old: string | null; oldUntil: string | null }

/** The secrets that are good now, the newest first. */
export function openSecrets(
  vault: Vault,
  { secret, old, oldUntil }: SealedSecrets,
  context: string,
  now: number,
): string[] {
  return [secret, Number(oldUntil ?? 0) > now ? old : null]
    .filter((sealed) => sealed !== null)
    .map((sealed) => vault.open(sealed, context))
}
