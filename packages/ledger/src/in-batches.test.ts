import assert from "node:assert/strict"
import { test } from "node:test"

import { inBatches } from "./in-batches.ts"

/** A step whose runs end when the test says so. */
function held() {
  const runs: { items: readonly number[]; end: PromiseWithResolvers<readonly string[]> }[] = []
  return {
    runs,
    run: (items: readonly number[]) => {
      const end = Promise.withResolvers<readonly string[]>()
      runs.push({ items, end })
      return end.promise
    },
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))
const itemsOf = ({ runs }: ReturnType<typeof held>) => runs.map(({ items }) => items)

test("what comes together is run together, and what comes meanwhile after it", async () => {
  const step = held()
  const ask = inBatches({ run: step.run, most: 3 })
  const first = Promise.all([1, 2].map(ask))
  await turn()
  const later = Promise.all([3, 4, 5, 6].map(ask))
  await turn()
  assert.deepEqual(itemsOf(step), [[1, 2]])
  step.runs[0]?.end.resolve(["one", "two"])
  assert.deepEqual(await first, ["one", "two"])
  assert.deepEqual(itemsOf(step), [
    [1, 2],
    [3, 4, 5],
  ])
  step.runs[1]?.end.resolve(["three", "four", "five"])
  await turn()
  step.runs[2]?.end.resolve(["six"])
  assert.deepEqual(await later, ["three", "four", "five", "six"])
})

test("a run that fails rejects its own items, and the next ones are run", async () => {
  const step = held()
  const ask = inBatches({ run: step.run, most: 2 })
  const asked = Promise.allSettled([1, 2, 3].map(ask))
  await turn()
  step.runs[0]?.end.reject(new Error("away"))
  await turn()
  step.runs[1]?.end.resolve(["three"])
  const outcomes = (await asked).map((each) => (each.status === "fulfilled" ? each.value : "rejected"))
  assert.deepEqual(outcomes, ["rejected", "rejected", "three"])
})
