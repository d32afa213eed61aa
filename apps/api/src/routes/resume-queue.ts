import type { operations } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

import type { HandOver } from "../hand-over.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "resumeAccounts" | "dispatch">; models: Models; handOver: HandOver }

export function resumeQueue({ ledger, models, handOver }: Deps): Handler<typeof operations.resumeQueue> {
  return async ({ body: { model, account } = {} }) => {
    const meant = model === undefined ? models.entries() : [models.resolve(model, new Date()).model]
    const resumed = await ledger.resumeAccounts(
      meant.map(({ id }) => id),
      account,
    )
    handOver(await ledger.dispatch())
    return { body: { object: "queue_resumed", ...resumed } }
  }
}
