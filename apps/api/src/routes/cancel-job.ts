import { Refusal, type operations } from "@kiln/contract"
import type { Feed, Ledger } from "@kiln/ledger"
import type { JobView } from "@kiln/views"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { patienceOf, untilEnded } from "../http/wait.ts"

type Deps = { ledger: Ledger; feed: Feed; findJob: FindJob; view: JobView; closing: AbortSignal }

/** How long the answer waits for the worker that runs the job to stop it. */
const settleMs = 5_000

export function cancelJob({
  ledger,
  feed,
  findJob,
  view,
  closing,
}: Deps): Handler<typeof operations.cancelJob> {
  return async ({ params: { id } }, { res }) => {
    const { tenant } = callerOf(res).key
    const outcome = await ledger.cancel(id, tenant)
    if (outcome === "terminal") throw new Refusal("job_terminal", `The job ${id} has already ended`)
    if (outcome === "asked") {
      await untilEnded({ ledger, feed }, id, { ms: settleMs, signal: patienceOf(res, closing) })
    }
    return { body: await view.of(await findJob(id, tenant)) }
  }
}
