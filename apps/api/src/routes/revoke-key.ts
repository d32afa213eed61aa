import { Refusal, type operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { adminKeyId } from "../admin-key.ts"
import type { KnownKeys } from "../http/known-keys.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "apiKeys">; keys: Pick<KnownKeys, "forget"> }

export function revokeKey({ ledger, keys }: Deps): Handler<typeof operations.revokeKey> {
  return async ({ params: { id } }) => {
    if (id === adminKeyId) {
      throw new Refusal("forbidden", "The first key comes from KILN_ADMIN_KEY: change it there and restart")
    }
    if (!(await ledger.apiKeys.revoke(id))) throw new Refusal("not_found", `There is no key ${id}`)
    keys.forget(id)
    return { body: undefined }
  }
}
