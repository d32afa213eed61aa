import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import type { KnownKeys } from "../http/known-keys.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "limits">; keys: Pick<KnownKeys, "forgetTenant"> }

export function putLimits({ ledger, keys }: Deps): Handler<typeof operations.putLimits> {
  return async ({ params: { tenant }, body }) => {
    await ledger.limits.put(tenant, body)
    keys.forgetTenant(tenant)
    return { body: await ledger.limits.read(tenant) }
  }
}
