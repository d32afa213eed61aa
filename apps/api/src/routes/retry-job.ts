import { Refusal, type operations } from "@kiln/contract"
import { unaffordable, type Ledger } from "@kiln/ledger"
import type { JobView } from "@kiln/views"

import type { FindJob } from "../find-job.ts"
import type { HandOver } from "../hand-over.ts"
import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { queueFull } from "../queue-full.ts"

type Deps = { ledger: Ledger; findJob: FindJob; view: JobView; handOver: HandOver }

export function retryJob({ ledger, findJob, view, handOver }: Deps): Handler<typeof operations.retryJob> {
  return async ({ params: { id } }, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const request = { route: "retryJob", status: 202, content: { id }, isSecret: false }
    return answerOnce(ledger, exchange, request, async () => {
      const outcome = await ledger.retry(id, tenant)
      if (outcome.kind === "active") throw new Refusal("job_active", `The job ${id} has not ended yet`)
      if (outcome.kind === "terminal") {
        throw new Refusal("job_terminal", `The job ${id} succeeded; there is nothing left to do`)
      }
      if (outcome.kind === "full") throw queueFull()
      if (outcome.kind === "unaffordable") throw unaffordable(outcome)
      if (outcome.kind === "queued") handOver(outcome.ready)
      const job = await view.of(await findJob(id, tenant))
      return { headers: { Location: `/v1/jobs/${id}` }, body: job }
    })
  }
}
