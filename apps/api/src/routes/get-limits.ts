import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "limits"> }

export function getLimits({ ledger }: Deps): Handler<typeof operations.getLimits> {
  return async ({ params: { tenant } }) => ({ body: await ledger.limits.read(tenant) })
}
