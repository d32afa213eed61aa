import assert from "node:assert/strict"
import { suite, test } from "node:test"

import type { WebhookDelivery } from "@kiln/contract"

import { startReceiver } from "../world/receiver.ts"
import { startRedisProxy, type Side } from "../world/redis-proxy.ts"
import { until } from "../world/until.ts"
import { deliveriesOf, register, settled } from "../world/webhooks.ts"
import { startWorld } from "../world/world.ts"

type Expected = {
  /** How often the receiver gets the event in all. */
  received: number
  /** Tries in the log: the one that nobody could write down is not there. */
  attempts: number
}

const steps: [name: string, script: string, side: Side, expected: Expected][] = [
  ["when it has taken the delivery", "deliveries-take", "answer", { received: 1, attempts: 1 }],
  ["between the answer and its record", "deliveries-record", "command", { received: 2, attempts: 1 }],
  ["when the try is recorded", "deliveries-record", "answer", { received: 1, attempts: 1 }],
]

suite("a worker killed while it delivers", { concurrency: 3 }, () => {
  for (const [name, script, side, expected] of steps) {
    test(name, async () => {
      await using world = await startWorld({
        workers: 0,
        env: { KILN_ALLOW_PRIVATE: "webhooks" },
        workerEnv: { KILN_WEBHOOK_TIMEOUT: "1" },
      })
      await using proxy = await startRedisProxy(world.redisUrl)
      await using receiver = await startReceiver()
      const { id: endpoint } = await register(world, receiver.url, { events: ["job.succeeded"] })
      await world.startWorker({ REDIS_URL: proxy.url })
      const first = await world.make({ prompt: "warm up" })
      await receiver.got("the first event", ({ subject }) => subject === first.id)
      await until("it is written down", async () => {
        const [one] = await deliveriesOf(world, endpoint)
        return one?.status === "delivered"
      })

      // The worker asks what is due all the time; only an answer that has something in it is worth stopping.
      const stopped = proxy.stopAt(script, side, script === "deliveries-take" ? "dlv_" : undefined)
      const job = await world.submit({ prompt: "a survivor" })
      await stopped
      const [worker] = world.workers
      worker?.kill("SIGKILL")
      await worker?.exited
      await world.startWorker()

      const { id } = await until("there is a delivery", async () =>
        (await deliveriesOf(world, endpoint)).find(({ event }) => event !== receiver.received[0]?.id),
      )
      const { status, attempts }: WebhookDelivery = await settled(world, id, endpoint)
      assert.deepEqual([status, attempts.length], ["delivered", expected.attempts])
      const got = receiver.received.filter(({ subject }) => subject === job.id)
      assert.equal(got.length, expected.received)
      assert.equal(new Set(got.map((received) => received.id)).size, 1)
    })
  }
})
