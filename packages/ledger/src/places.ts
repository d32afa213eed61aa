import { forecast, paceOf, type Forecast, type QueueState } from "@kiln/jobs"

import type { QueueWatch } from "./queue-watch.ts"
import type { JobRecord } from "./record.ts"
import type { Scripts } from "./scripts.ts"
import type { Survey } from "./survey.ts"

/** Where a waiting job stands, as callers are told. */
export type JobPlace = { position: number; blockedBy: string | null; etaSeconds: number | null }

/** What `submit` says of a job that has `rank` of its lane before it: all of it grows evenly with the rank. */
export type FirstForecast = {
  /** Jobs of others, and of the tenant's other lanes, that go first. */
  ahead: number
  /** Until a job with none of its lane before it ends, and how much later it is for each that is. */
  endsInMs: number | null
  perJobMs: number
  blockedBy: string | null
}

/** The same for a job that comes last of all: when it ends. */
export type Foreseen = FirstForecast & {
  lastEndsInMs: number | null
  /** How long it keeps its slot once it has one; null when nothing is known to go by. */
  paceMs: number | null
}

type Answer = ["gone"] | ["later", string] | ["out", number] | ["lane", number, string, string, number]

/** Says when waiting jobs' turns come. What waits and how fast it goes is looked at once for many askers. */
export function createPlaces({ scripts, lookAtQueue }: { scripts: Scripts; lookAtQueue: QueueWatch }) {
  return {
    async place({ id, tenant, model, blockedBy }: JobRecord): Promise<JobPlace> {
      const [answer, survey] = await Promise.all([scripts.run("place", id) as Promise<Answer>, lookAtQueue()])
      const queue = stateOf(survey)
      switch (answer[0]) {
        case "gone":
          return { position: 0, blockedBy, etaSeconds: null }
        case "later": {
          const waitMs = Math.max(0, Number(answer[1]) - survey.now)
          const { endsInMs } = forecast(queue, { out: 0, model })
          // What it waits for may be the quota that the forecast speaks of.
          const endsAfterWaitMs = waitMs + (paceOf(queue, model) ?? 0)
          return { position: 0, blockedBy, etaSeconds: seconds(Math.max(endsAfterWaitMs, endsInMs ?? 0)) }
        }
        case "out":
          // Those before it in this order run, but for about half of them once the workers are busy.
          return told(forecast(queue, { out: Math.floor(answer[1] / 2), model }), null)
        case "lane": {
          const [, rank, held, goesTo, until] = answer
          // The rest of its own model is known as it is now, however old the survey.
          const rests = until > survey.now ? new Map([...queue.rests, [goesTo, { until }]]) : queue.rests
          const place = told(
            forecast({ ...queue, rests }, { tenant, model: goesTo, rank }),
            held || blockedBy,
          )
          return forever.has(held) ? { ...place, etaSeconds: null } : place
        }
      }
    },

    /** What a job of the tenant would be told if it were submitted now. */
    async foresee(tenant: string, model: string): Promise<Foreseen> {
      const survey = await lookAtQueue()
      const queue = stateOf(survey)
      const own = survey.tenants.find(({ name }) => name === tenant)
      const count = (isOwn: boolean): number =>
        (own?.lanes ?? []).reduce(
          (sum, lane) => sum + ((lane.model === model) === isOwn ? lane.waiting : 0),
          0,
        )
      const rank = count(true) + count(false)
      const { position, endsInMs, blockedBy } = forecast(queue, { tenant, model, rank })
      // Over several, as a quota's calls come in steps.
      const later = forecast(queue, { tenant, model, rank: rank + stepRanks })
      const perJobMs =
        endsInMs === null || later.endsInMs === null ? 0 : (later.endsInMs - endsInMs) / stepRanks
      return {
        ahead: position - count(true),
        endsInMs: endsInMs === null ? null : endsInMs - perJobMs * count(true),
        perJobMs,
        blockedBy: survey.rests.get(model)?.reason ?? blockedBy,
        lastEndsInMs: endsInMs,
        paceMs: paceOf(queue, model),
      }
    },
  }
}

/** So many jobs later a forecast is made again, to see what each of them adds. */
const stepRanks = 10

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.ceil(ms / 1_000))

/** Nobody knows for how long. */
const forever: ReadonlySet<string> = new Set(["batch_paused", "max_parallel"])

/** What holds this very job says more than that no worker is there. */
const told = ({ position, endsInMs, blockedBy }: Forecast, held: string | null): JobPlace => ({
  position,
  blockedBy: held ?? blockedBy,
  etaSeconds: seconds(endsInMs),
})

const stateOf = (survey: Survey): QueueState => ({
  ...survey,
  slots: survey.workers.reduce((sum, { slots }) => sum + slots, 0),
})
