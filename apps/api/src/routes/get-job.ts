import { isTerminal, Refusal, type operations } from "@kiln/contract"
import type { Feed, Ledger } from "@kiln/ledger"
import { lookAgainIn, type JobView } from "@kiln/views"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import { waitOf } from "../http/prefer.ts"
import { sendPrepared } from "../http/send.ts"
import { patienceOf, untilEnded } from "../http/wait.ts"
import type { EndedJobs } from "../view/ended-jobs.ts"

type Deps = {
  ledger: Ledger
  feed: Feed
  findJob: FindJob
  view: JobView
  ended: EndedJobs
  waits: OpenWaits
  closing: AbortSignal
}

export function getJob(deps: Deps): Handler<typeof operations.getJob> {
  const { ledger, feed, findJob, view, ended, waits, closing } = deps
  return async ({ params: { id }, query }, { req, res }) => {
    const waitMs = waitOf(req, res, query)
    const known = await ended.find(id, callerOf(res).key.tenant)
    if (known) {
      sendPrepared(req, res, known)
      return undefined
    }
    let record = await findJob(id, callerOf(res).key.tenant)
    if (waitMs > 0 && !isTerminal(record.status)) {
      using _wait = waits.enter(record.tenant, "wait")
      const later = await untilEnded({ ledger, feed }, id, { ms: waitMs, signal: patienceOf(res, closing) })
      if (!later) throw new Refusal("not_found", `There is no job ${id} any more`)
      record = later
    }
    const now = Date.now()
    const job = await view.of(record)
    const prepared = ended.keep(record, job, now)
    if (prepared) {
      sendPrepared(req, res, prepared)
      return undefined
    }
    const seconds = lookAgainIn(job)
    const headers = seconds === undefined ? {} : { "Retry-After": String(seconds) }
    return { headers, body: job, conditional: true }
  }
}
