import { callsTakeMs, type AccountOutlook } from "./quota-outlook.ts"

/** The queue as a forecast needs it; times are milliseconds of one clock. */
export type QueueState = {
  now: number
  /** Jobs that all workers together run at once, that run now, and that are out of their lanes. */
  slots: number
  running: number
  out: number
  fairClock: number
  tenants: readonly WaitingTenant[]
  /** How many tenants have waiting jobs; `tenants` are those whose turns come first. */
  tenantsInAll: number
  /** How long a job of a model keeps a slot, on average. */
  paces: ReadonlyMap<string, number>
  /** How much longer than that a slot takes for a job, handing over included. */
  turnover: number
  rests: ReadonlyMap<string, { until: number }>
  /** What the upstream's accounts will take; models that nothing is known of are not there. */
  quotas?: ReadonlyMap<string, readonly AccountOutlook[]>
  /** Calls that a job of a model makes, on average. */
  callsAJob?: ReadonlyMap<string, number>
}

export type WaitingTenant = {
  name: string
  turn: number
  weight: number
  leased: number
  parallelJobs: number | null
  lanes: readonly { model: string; waiting: number }[]
}

/** A job that waits: behind so many of its own tenant's, or already out behind so many others. */
export type Place = { tenant: string; model: string; rank: number } | { out: number; model: string }

export type Forecast = {
  /** Jobs that start before it. */
  position: number
  /** Until it is expected to end; null when nothing is known to go by. */
  endsInMs: number | null
  blockedBy: "no_worker" | "parallel_jobs" | null
}

/**
 * When a waiting job's turn comes. Tenants take turns by their weights, so each of the others goes before it as often
 * as the fair clock lets it until then; slots become free as fast as jobs of late have kept them.
 */
export function forecast(queue: QueueState, place: Place): Forecast {
  const own = "tenant" in place ? queue.tenants.find(({ name }) => name === place.tenant) : undefined
  const position = positionOf(queue, place, own)
  const isFull = own !== undefined && own.parallelJobs !== null && own.leased >= own.parallelJobs
  const blockedBy = queue.slots === 0 ? "no_worker" : isFull ? "parallel_jobs" : null
  return { position, endsInMs: endOf(queue, place, position, own), blockedBy }
}

function positionOf(queue: QueueState, place: Place, own: WaitingTenant | undefined): number {
  if (!("tenant" in place)) return queue.out <= queue.slots ? 0 : place.out
  const { tenant, rank } = place
  const turn = startOf(own ?? { turn: 0 }, queue) + rank * stepsOf(own?.weight ?? 1)
  const others = queue.tenants.filter(({ name }) => name !== tenant)
  const before = others.reduce((sum, other) => sum + goesBefore(other, { turn, tenant }, queue), 0)
  const isWhole = queue.tenants.length >= queue.tenantsInAll
  const known = isWhole ? before : Math.round((before * queue.tenantsInAll) / queue.tenants.length)
  return Math.max(0, queue.out - queue.running) + rank + known
}

/** Steps of the fair clock from one turn of a tenant to its next: whole ones, as the ledger counts them. */
const turnSteps = 720_720
const stepsOf = (weight: number): number => Math.max(1, Math.round(turnSteps / weight))

const startOf = ({ turn }: { turn: number }, { fairClock }: QueueState): number => Math.max(turn, fairClock)

/** How many jobs of another tenant have their turns before this one. */
function goesBefore(other: WaitingTenant, at: { turn: number; tenant: string }, queue: QueueState): number {
  if (other.parallelJobs !== null && other.leased >= other.parallelJobs) return 0
  const turns = (at.turn - startOf(other, queue)) / stepsOf(other.weight)
  if (turns < 0) return 0
  const isTie = Number.isInteger(turns) && other.name < at.tenant
  return Math.min(isTie ? turns + 1 : Math.ceil(turns), waitingOf(other, queue))
}

const waitingOf = ({ lanes }: WaitingTenant, { rests }: QueueState): number =>
  lanes.reduce((sum, { model, waiting }) => sum + (rests.has(model) ? 0 : waiting), 0)

function endOf(
  queue: QueueState,
  place: Place,
  position: number,
  own: WaitingTenant | undefined,
): number | null {
  const usual = meanPace(queue, queue.tenants)
  const pace = paceOf(queue, place.model)
  const rest = Math.max(0, (queue.rests.get(place.model)?.until ?? 0) - queue.now)
  const byQuota = waitForQuota(queue, place.model, position)
  if (byQuota === null) return null
  // When a rest or a park ends is known even where nothing else is.
  if (queue.slots === 0 || pace === null || usual === null) return Math.max(rest, byQuota) || null
  const free = Math.max(0, queue.slots - queue.running)
  const bySlots = (Math.max(0, position + 1 - free) * usual * queue.turnover) / queue.slots
  const byShare = own && "rank" in place ? waitForShare(queue, own, place.rank, usual) : 0
  return Math.max(rest + Math.max(bySlots, byShare), byQuota) + pace
}

/** Until the upstream has taken the calls of those before it, and takes its first; null where it never will. */
function waitForQuota(queue: QueueState, model: string, position: number): number | null {
  const { quotas, callsAJob, now } = queue
  const before = position * shareOf(queue, model) * (callsAJob?.get(model) ?? 1)
  return callsTakeMs(quotas?.get(model) ?? [], Math.ceil(before) + 1, now)
}

/** Milliseconds that a job of the model keeps a slot; where nothing is known of it, as long as what waits. */
export function paceOf(queue: QueueState, model: string): number | null {
  return queue.paces.get(model) ?? meanPace(queue, queue.tenants)
}

/** A tenant that may have few jobs at once waits for its own. */
function waitForShare(queue: QueueState, own: WaitingTenant, rank: number, usual: number): number {
  if (own.parallelJobs === null) return 0
  const free = Math.max(0, own.parallelJobs - own.leased)
  return (Math.max(0, rank + 1 - free) * (meanPace(queue, [own]) ?? usual)) / own.parallelJobs
}

/** The part of all waiting jobs that are for this model. */
function shareOf({ tenants }: QueueState, model: string): number {
  const lanes = tenants.flatMap((tenant) => tenant.lanes)
  const all = lanes.reduce((sum, { waiting }) => sum + waiting, 0)
  const own = lanes.reduce((sum, lane) => sum + (lane.model === model ? lane.waiting : 0), 0)
  return all === 0 ? 1 : own / all
}

/** The mean over what waits; where nothing is known of that, over the models that are known. */
function meanPace({ paces }: QueueState, tenants: readonly WaitingTenant[]): number | null {
  let [ms, jobs] = [0, 0]
  for (const { lanes } of tenants) {
    for (const { model, waiting } of lanes) {
      const pace = paces.get(model)
      if (pace === undefined) continue
      ms += pace * waiting
      jobs += waiting
    }
  }
  if (jobs > 0) return ms / jobs
  return paces.size === 0 ? null : paces.values().reduce((sum, pace) => sum + pace, 0) / paces.size
}
