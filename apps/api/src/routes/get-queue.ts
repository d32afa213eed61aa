import type { operations } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

import type { Handler } from "../http/mount.ts"
import { queueView } from "../view/queue-view.ts"

type Deps = { ledger: Pick<Ledger, "survey">; models: Models; stuckAfterMs: number }

export function getQueue({ ledger, models, stuckAfterMs }: Deps): Handler<typeof operations.getQueue> {
  return async () => ({ body: queueView(await ledger.survey(), models, stuckAfterMs) })
}
