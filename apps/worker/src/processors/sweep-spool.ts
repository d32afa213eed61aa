import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"

import { isTerminal } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"
import { removeLeftovers, type Spool } from "@kiln/runtime"

import type { RunningJobs } from "../running-jobs.ts"

type Deps = {
  ledger: Pick<Ledger, "read">
  running: Pick<RunningJobs, "ids">
  spool: Pick<Spool, "folder" | "parent">
}

/** Removes what nobody will take up any more: left by processes that died, and paid for jobs that have ended. */
export async function sweepSpool({ ledger, running, spool }: Deps): Promise<void> {
  const isWanted = async (entry: string): Promise<boolean> => {
    const id = jobOf(entry)
    const record = id === undefined ? undefined : await ledger.read(id)
    return record !== undefined && !isTerminal(record.status)
  }
  await removeLeftovers(spool, isWanted)
  for (const entry of await readdir(spool.folder).catch(() => [])) {
    const id = jobOf(entry)
    if (id === undefined || (await isWanted(entry)) || running.ids().includes(id)) continue
    await rm(join(spool.folder, entry), { recursive: true, force: true })
  }
}

const jobOf = (entry: string): string | undefined => /^(.+)-\d+-\d+$/.exec(entry)?.[1]
