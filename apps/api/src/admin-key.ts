import { Scope } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { hashOf } from "./http/known-keys.ts"

/** The one id that no UUID has: a new first key takes the place of the old one. */
export const adminKeyId = `key_${"0".repeat(32)}`

/** Sees to it that the first key works and that an earlier one does not. */
export async function admitAdminKey(
  { apiKeys }: Pick<Ledger, "apiKeys">,
  { secret, tenant }: { secret: string; tenant: string },
): Promise<void> {
  const hash = hashOf(secret)
  const known = await apiKeys.find(hash)
  if (known?.id === adminKeyId) return
  await apiKeys.revoke(adminKeyId)
  const key = { hash, tenant, scopes: Scope.options, name: "first key", expiresAt: null }
  await apiKeys.create(key, adminKeyId)
}
