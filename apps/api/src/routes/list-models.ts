import type { operations } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

import type { Handler } from "../http/mount.ts"

type Deps = { models: Models; ledger: Pick<Ledger, "goneModels"> }

export function listModels({ models, ledger }: Deps): Handler<typeof operations.listModels> {
  return async () => {
    const data = models.list(new Date(), await ledger.goneModels())
    const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null]
    return { body: { object: "list", data, has_more: false, first_id: first, last_id: last } }
  }
}
