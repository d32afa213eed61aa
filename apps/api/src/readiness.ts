import type { Readiness } from "@kiln/contract"
import type { Ledger, Survey } from "@kiln/ledger"
import { evictionPolicy } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"
import type { Redis } from "ioredis"

type Check = Readiness["checks"][string]
type Probe = (signal: AbortSignal) => Promise<Check>

type Options = {
  redis: Redis
  ledger: Pick<Ledger, "checkWritable" | "lookAtQueue">
  storage: Pick<Storage, "check">
  stuckAfterMs: number
  closing: AbortSignal
}

const timeoutMs = 3_000
const ok: Check = { ok: true, detail: null }
const trouble = (detail: string): Check => ({ ok: false, detail })

/** Says whether jobs can be taken and done. Anybody may ask, so each check is made at most once a while. */
export function createReadiness({ redis, ledger, storage, closing, stuckAfterMs }: Options) {
  const probes: Record<string, () => Promise<Check>> = {
    redis: kept(1_000, "Redis cannot be written", async () => {
      await ledger.checkWritable()
      return ok
    }),
    eviction: kept(5_000, "Redis cannot be asked for its policy", () => checkEviction(redis)),
    workers: kept(1_000, "the workers are not known", async () =>
      checkWorkers(await ledger.lookAtQueue(), stuckAfterMs),
    ),
    storage: kept(5_000, "the storage cannot be written", async (signal) => {
      await storage.check(signal)
      return ok
    }),
  }

  return async (): Promise<Readiness> => {
    if (closing.aborted) {
      return { status: "not_ready", checks: { process: trouble("it is stopping") } }
    }
    const checked = await Promise.all(
      Object.entries(probes).map(async ([name, probe]) => [name, await probe()] as const),
    )
    const isReady = checked.every(([, { ok: isOk }]) => isOk)
    return { status: isReady ? "ready" : "not_ready", checks: Object.fromEntries(checked) }
  }
}

/** Remembers an answer for `ms`, shares one that is on its way, and gives up after a while. */
function kept(ms: number, fault: string, probe: Probe): () => Promise<Check> {
  let known: Promise<Check> | undefined
  let asOf = -Infinity
  return () => {
    if (known && performance.now() - asOf < ms) return known
    asOf = performance.now()
    known = inTime(probe).catch(() => trouble(fault))
    return known
  }
}

async function inTime(probe: Probe): Promise<Check> {
  const signal = AbortSignal.timeout(timeoutMs)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(new Error("too late"))
    })
  })
  return Promise.race([probe(signal), late])
}

/** A worker may be alive and take nothing: its connection to the queue hangs, or somebody paused the queue. */
function checkWorkers({ workers }: Survey, stuckAfterMs: number): Check {
  if (workers.length === 0) return trouble("no worker is alive")
  const stuck = workers.filter(({ starvedMs }) => starvedMs > stuckAfterMs)
  if (stuck.length === 0) return ok
  return trouble(`${stuck.length} of ${workers.length} workers take none of the jobs that wait for them`)
}

async function checkEviction(redis: Redis): Promise<Check> {
  const policy = await evictionPolicy(redis)
  return policy === undefined ? ok : trouble(`Redis may evict jobs: its maxmemory-policy is ${policy}`)
}
