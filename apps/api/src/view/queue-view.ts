import { idTime, type QueueReport } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { KnownAccount, Survey } from "@kiln/ledger"

/** Seconds since the oldest job that waits for its turn was made; null when none waits. */
export const oldestWaitS = ({ tenants, now }: Pick<Survey, "tenants" | "now">): number | null =>
  oldestOf(
    tenants.flatMap(({ lanes }) => lanes.map((lane) => lane.oldest)),
    now,
  )

/** Ids sort by the time of their making. */
function oldestOf(ids: readonly string[], now: number): number | null {
  const [oldest] = ids.toSorted()
  return oldest ? Math.max(0, now - idTime(oldest).getTime()) / 1_000 : null
}

/** What the ledger knows of the queue, in the words of the contract. */
export function queueView(
  survey: Survey & { accounts: readonly KnownAccount[] },
  models: Pick<Models, "get">,
  stuckAfterMs: number,
): QueueReport {
  const { workers, tenants, accounts } = survey
  return {
    object: "queue",
    depth: survey.queued,
    later: survey.later,
    out: survey.out,
    running: survey.running,
    oldest_seconds: oldestWaitS(survey),
    jobs_per_minute: Math.round(survey.jobsEndedPerMinute * 10) / 10,
    workers: {
      alive: workers.length,
      slots: workers.reduce((sum, { slots }) => sum + slots, 0),
      starved: workers.filter(({ starvedMs }) => starvedMs > stuckAfterMs).length,
    },
    models: modelsOf(survey).map((model) => modelView(model, survey, models)),
    accounts: accounts.map(accountView),
    tenants: tenants.map(({ name, lanes, leased, weight, parallelJobs }) => ({
      tenant: name,
      waiting: lanes.reduce((sum, { waiting }) => sum + waiting, 0),
      out: leased,
      weight,
      parallel_jobs: parallelJobs,
    })),
  }
}

const accountView = ({ account, model, calls, limit, windowMs, callsToday, blocked }: KnownAccount) => ({
  account,
  model,
  calls,
  limit,
  window_seconds: windowMs / 1_000,
  calls_today: callsToday,
  blocked_by: blocked?.by ?? null,
  blocked_until: blocked?.until.toISOString() ?? null,
})

/** Those that jobs wait for, that rest, or that jobs of late were made with. */
const modelsOf = ({ tenants, rests, paces }: Survey): string[] =>
  [
    ...new Set([
      ...tenants.flatMap(({ lanes }) => lanes.map(({ model }) => model)),
      ...rests.keys(),
      ...paces.keys(),
    ]),
  ].toSorted()

function modelView(
  model: string,
  survey: Survey,
  models: Pick<Models, "get">,
): QueueReport["models"][number] {
  const lanes = survey.tenants.flatMap((tenant) => tenant.lanes.filter((lane) => lane.model === model))
  const rest = survey.rests.get(model)
  const pace = survey.paces.get(model)
  return {
    model,
    waiting: lanes.reduce((sum, { waiting }) => sum + waiting, 0),
    oldest_seconds: oldestOf(
      lanes.map(({ oldest }) => oldest),
      survey.now,
    ),
    seconds_per_job: pace === undefined ? null : Math.round(pace) / 1_000,
    blocked_by: rest?.reason ?? null,
    blocked_until: rest ? new Date(rest.until).toISOString() : null,
    limits: models.get(model)?.limits ?? null,
  }
}
