import type { operations } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

import type { Handler } from "../http/mount.ts"
import { queueView } from "../view/queue-view.ts"

type Deps = { ledger: Pick<Ledger, "survey" | "accounts">; models: Models; stuckAfterMs: number }

export function getQueue({ ledger, models, stuckAfterMs }: Deps): Handler<typeof operations.getQueue> {
  return async () => {
    const ids = models.entries().map(({ id }) => id)
    const [survey, accounts] = await Promise.all([ledger.survey(), ledger.accounts(ids)])
    return { body: queueView({ ...survey, accounts }, models, stuckAfterMs) }
  }
}
