import assert from "node:assert/strict"
import { test } from "node:test"

import { createLogger } from "@kiln/runtime"

import { enforceRetention } from "./retention.ts"

const log = createLogger({ name: "worker", level: "silent" })

function full({ records, folders }: { records: number; folders: number }) {
  const left = {
    records: new Set(Array.from({ length: records }, (_, n) => `job_${n}`)),
    folders: new Set(Array.from({ length: folders }, (_, n) => `acme/${n}/`)),
    removed: [] as string[],
  }
  const deps = {
    log,
    ledger: {
      overdue: async (_: Date, most: number) => [...left.records].slice(0, most),
      remove: async (ids: readonly string[]) => {
        for (const id of ids) left.records.delete(id)
        return []
      },
      overdueImages: async (_: Date, most: number) => [...left.folders].slice(0, most),
      forgetImages: async (folder: string) => void left.folders.delete(folder),
    },
    storage: {
      removeAll: async (folder: string) => {
        left.removed.push(folder)
        return 2
      },
    },
  }
  return { left, deps }
}

test("all that is past its time goes in one round, each folder once", async () => {
  const { left, deps } = full({ records: 250, folders: 250 })
  await enforceRetention(deps, new AbortController().signal)
  assert.deepEqual([left.records.size, left.folders.size], [0, 0])
  assert.equal(new Set(left.removed).size, 250)
  assert.equal(left.removed.length, 250)
})

test("a worker that stops ends its round after a step", async () => {
  const { left, deps } = full({ records: 0, folders: 250 })
  const closing = new AbortController()
  const removeAll = async (folder: string) => {
    closing.abort()
    return deps.storage.removeAll(folder)
  }
  await enforceRetention({ ...deps, storage: { removeAll } }, closing.signal)
  assert.ok(left.folders.size > 200, `${left.folders.size} are left`)
})

test("what storage does not remove is kept in mind", async () => {
  const { left, deps } = full({ records: 0, folders: 3 })
  const removeAll = async (folder: string) => {
    if (folder === "acme/1/") throw new Error("503 SlowDown")
    return deps.storage.removeAll(folder)
  }
  const round = enforceRetention({ ...deps, storage: { removeAll } }, new AbortController().signal)
  await assert.rejects(round, /SlowDown/)
  assert.ok(left.folders.has("acme/1/"))
})
