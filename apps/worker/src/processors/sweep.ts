import type { Handover, Ledger } from "@kiln/ledger"
import type { Logger, Spool } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import { every } from "../every.ts"
import type { RunningJobs } from "../running-jobs.ts"
import { startModelChecks, type ModelChecks } from "./check-models.ts"
import { enforceRetention } from "./retention.ts"
import { sweepSpool } from "./sweep-spool.ts"

type Deps = Omit<ModelChecks, "ledger" | "worker" | "log"> & {
  ledger: Ledger
  storage: Storage
  spoolFolders: Pick<Spool, "folder" | "parent">
  running: RunningJobs
  handOver: (ready: readonly Handover[]) => Promise<void>
  /** Says which accounts of the upstream this worker has. */
  offerAccounts: () => Promise<void>
  worker: string
  concurrency: number
  /** What it runs now, and how many jobs it ever took. */
  progress: () => { running: number; taken: number }
  /** Told at every beat for how long the worker has taken nothing of what it could. */
  onStarved: (ms: number) => void
  log: Logger
}

/** A job whose time has come waits at most this long for its turn. */
const dispatchMs = 200
const sweepMs = 5_000
const beatMs = 3_000
/** The ledger takes a worker that says nothing for ten seconds for dead. */
const holdMs = 3_000
const deadAfterMs = 12_000
const offerMs = 15_000
const retentionMs = 60_000
const spoolMs = 3_600_000

/** The rounds of a worker: turns, heartbeats, deadlines, leases, retention. Any worker may do any of them. */
export function startRounds({
  ledger,
  storage,
  spoolFolders,
  running,
  handOver,
  offerAccounts,
  worker,
  concurrency,
  progress,
  onStarved,
  log,
  ...checks
}: Deps): AsyncDisposable & { hold(): Promise<void> } {
  const round = (name: string, periodMs: number, step: (signal: AbortSignal) => Promise<void>) =>
    every(step, {
      periodMs,
      onTrouble: (error) =>
        error
          ? log.error({ err: error, round: name }, "round failed")
          : log.info({ round: name }, "round works again"),
    })
  const hold = async () => {
    const claims = running.claims()
    const lost = new Set(await ledger.hold(claims))
    for (const { id, epoch } of claims) if (lost.has(id)) running.lose(id, epoch)
  }
  const rounds = [
    round("hold", holdMs, hold),
    round("beat", beatMs, async () => {
      onStarved((await ledger.beat(worker, concurrency, deadAfterMs, progress())).starvedMs)
    }),
    round("dispatch", dispatchMs, async () => handOver(await ledger.dispatch())),
    round("sweep", sweepMs, async () => {
      await handOver(await ledger.sweep())
      for (const id of await ledger.canceledAmong(running.ids())) running.abort(id, "canceled")
    }),
    round("accounts", offerMs, offerAccounts),
    round("retention", retentionMs, (signal) => enforceRetention({ ledger, storage, log }, signal)),
    round("spool", spoolMs, () => sweepSpool({ ledger, running, spool: spoolFolders })),
    startModelChecks({ ...checks, ledger, worker, log }),
  ]
  return {
    // The round tells of errors.
    hold: () => hold().catch(() => {}),
    async [Symbol.asyncDispose]() {
      await Promise.all(rounds.map((each) => each[Symbol.asyncDispose]()))
      await ledger.beat(worker, 0, deadAfterMs).catch(() => {})
    },
  }
}
