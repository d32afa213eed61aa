import assert from "node:assert/strict"
import { test } from "node:test"

import { booksBalance } from "../world/books.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const calls = ({ emulator }: World) =>
  emulator.calls.filter(({ path }) => path.includes(":generateContent")).length

/** Its lock of 20 s, what the others wait for it, and more where the machine is busy. */
const takenOverMs = 120_000

test("a worker that sleeps beyond its lock with a call in flight changes nothing when it wakes, and goes on working", async () => {
  await using world = await startWorld({ workers: 1 })
  const [sleeper] = world.workers
  assert.ok(sleeper)
  const { id } = await world.submit({ prompt: "whose? [[slow:2]]" })
  await until("the upstream has the call", () => calls(world) === 1)
  sleeper.kill("SIGSTOP")
  const other = await world.startWorker()
  const ended = await world.ended(id, takenOverMs)
  assert.equal(ended.status, "succeeded", JSON.stringify(ended))
  assert.deepEqual(
    ended.attempts.map(({ outcome, charged }) => [outcome, charged]),
    [
      ["worker_lost", "unknown"],
      ["succeeded", "yes"],
    ],
  )
  assert.equal(calls(world), 2)
  const url = ended.outputs[0]?.url ?? ""
  const image = Buffer.from(await (await fetch(url)).arrayBuffer())

  other.kill("SIGKILL")
  await other.exited
  // What it was told by the upstream, by Redis and by its lock is older than what it is asked now.
  sleeper.kill("SIGCONT")
  const next = await world.make({ prompt: "the next one" })
  assert.equal(next.status, "succeeded")
  // It ends when what it slept over has ended.
  sleeper.kill("SIGTERM")
  assert.equal(await sleeper.exited, 0)
  assert.deepEqual(await world.job(id), ended)
  assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), image)
  await booksBalance(world, id)
})
