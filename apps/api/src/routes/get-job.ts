import { isTerminal, Refusal, type operations } from "@kiln/contract"
import type { Feed, Ledger } from "@kiln/ledger"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { waitOf } from "../http/prefer.ts"
import { patienceOf, untilEnded } from "../http/wait.ts"
import { lookAgainIn, type JobView } from "../view/job-view.ts"

type Deps = { ledger: Ledger; feed: Feed; findJob: FindJob; view: JobView; closing: AbortSignal }

export function getJob({ ledger, feed, findJob, view, closing }: Deps): Handler<typeof operations.getJob> {
  return async ({ params: { id }, query }, { req, res }) => {
    const waitMs = waitOf(req, res, query)
    let record = await findJob(id, callerOf(res).key.tenant)
    if (waitMs > 0 && !isTerminal(record.status)) {
      const later = await untilEnded({ ledger, feed }, id, { ms: waitMs, signal: patienceOf(res, closing) })
      if (!later) throw new Refusal("not_found", `There is no job ${id} any more`)
      record = later
    }
    const job = await view.of(record)
    const seconds = lookAgainIn(job)
    const headers = seconds === undefined ? {} : { "Retry-After": String(seconds) }
    return { headers, body: job, conditional: true }
  }
}
