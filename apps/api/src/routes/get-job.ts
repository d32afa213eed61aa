import { isTerminal, Refusal, type operations } from "@kiln/contract"
import type { Feed, Ledger } from "@kiln/ledger"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import { waitOf } from "../http/prefer.ts"
import { sendPrepared } from "../http/send.ts"
import { patienceOf, untilEnded } from "../http/wait.ts"
import type { ToldJobs } from "../view/told-jobs.ts"

type Deps = {
  ledger: Ledger
  feed: Feed
  findJob: FindJob
  told: ToldJobs
  waits: OpenWaits
  closing: AbortSignal
}

export function getJob(deps: Deps): Handler<typeof operations.getJob> {
  const { ledger, feed, findJob, told, waits, closing } = deps
  return async ({ params: { id }, query }, { req, res }) => {
    const waitMs = waitOf(req, res, query)
    const { tenant } = callerOf(res).key
    const known = await told.find(id, tenant, waitMs > 0)
    if (known) {
      sendPrepared(req, res, known)
      return undefined
    }
    let record = await findJob(id, tenant)
    if (waitMs > 0 && !isTerminal(record.status)) {
      using _wait = waits.enter(record.tenant, "wait")
      const later = await untilEnded({ ledger, feed }, id, { ms: waitMs, signal: patienceOf(res, closing) })
      if (!later) throw new Refusal("not_found", `There is no job ${id} any more`)
      record = later
    }
    sendPrepared(req, res, await told.tell(record))
    return undefined
  }
}
