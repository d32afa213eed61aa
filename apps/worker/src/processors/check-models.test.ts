import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"
import { createModels } from "@kiln/jobs"
import { createLogger } from "@kiln/runtime"

import { checkModels, startModelChecks, type Probe } from "./check-models.ts"

const models = createModels({ defaultModel: "nano-banana" })
const log = createLogger({ name: "test", level: "silent" })
const ids = models.entries().map(({ id }) => id)

function notes() {
  const said: [string, string][] = []
  const judgeModel = async (model: string, what: "served" | "gone") => {
    said.push([model, what])
    return "same" as const
  }
  return { said, judgeModel }
}
const rounds = { takeModelRound: async () => true, endModelRound: async () => {} }

test("each model is asked for, and one that cannot be asked for stays as it is", async () => {
  const { said, judgeModel } = notes()
  const [, keyless, gone] = ids
  const probe: Probe = async ({ id }) => {
    if (id === keyless) throw new JobFailure("upstream_auth", "No API key is configured")
    return id === gone ? "gone" : "served"
  }
  await checkModels({ ledger: { ...rounds, judgeModel }, models, probe, log }, new AbortController().signal)
  const expected = ids.filter((id) => id !== keyless).map((id) => [id, id === gone ? "gone" : "served"])
  assert.deepEqual(said, expected)
})

test("a check that is closed waits for no upstream, and only who has the round asks", async () => {
  const { said, judgeModel } = notes()
  const asked = Promise.withResolvers<void>()
  const probe: Probe = async (_model, signal) => {
    asked.resolve()
    const { promise, reject } = Promise.withResolvers<never>()
    signal.addEventListener("abort", () => reject(signal.reason))
    return promise
  }
  const ledger = { ...rounds, judgeModel }
  const checks = startModelChecks({ ledger, models, probe, worker: "w", modelCheckMs: 60_000, log })
  await asked.promise
  await checks[Symbol.asyncDispose]()
  const taken = Promise.withResolvers<void>()
  const takeModelRound = async () => {
    taken.resolve()
    return false
  }
  const others = startModelChecks({
    ledger: { ...ledger, takeModelRound },
    models,
    probe: async () => assert.fail("asked without the round"),
    worker: "x",
    modelCheckMs: 60_000,
    log,
  })
  await taken.promise
  await others[Symbol.asyncDispose]()
  assert.deepEqual(said, [])
})
