import { setTimeout as sleep } from "node:timers/promises"

import { operations } from "@kiln/contract"

import { until } from "../world/until.ts"
import { register } from "../world/webhooks.ts"
import { startWorld, type World } from "../world/world.ts"
import { startListening } from "./bare-process.ts"
import type { Arrival } from "./bare/webhook-receiver.ts"
import { keepInFlight } from "./keep-in-flight.ts"
import { noLimit } from "./load-rows.ts"

export type WebhookWorld = AsyncDisposable & {
  world: World
  receiver: { url: string; taken(): Promise<{ arrivals: Arrival[]; sample: string }> }
  /** Ids of the endpoints that listen at these paths of the receiver. */
  listenAt(paths: readonly string[]): Promise<string[]>
  deaf(endpoints: readonly string[]): Promise<void>
  /** Makes jobs that wait for ever, and are there to be canceled. */
  wait(jobs: number): Promise<string[]>
  /** Ends jobs at an even pace: each is an event. */
  end(jobs: readonly string[], perSecond: number): Promise<void>
}

/** Kiln with a receiver of its own process, and no worker. */
export async function startWebhookWorld(): Promise<WebhookWorld> {
  await using opened = new AsyncDisposableStack()
  const receiver = opened.use(await startListening(new URL("./bare/webhook-receiver.ts", import.meta.url)))
  const world = opened.use(
    await startWorld({ workers: 0, env: { KILN_ALLOW_PRIVATE: "webhooks" }, apiEnv: noLimit }),
  )
  const { client } = world
  const cancel = (id: string) => client.send(operations.cancelJob, { params: { id } })
  const all = opened.move()
  return {
    world,
    receiver: {
      url: receiver.url,
      async taken() {
        const response = await fetch(`${receiver.url}/arrivals`)
        return (await response.json()) as { arrivals: Arrival[]; sample: string }
      },
    },
    async listenAt(paths) {
      const made = paths.map((path) => register(world, receiver.url + path, { events: ["job.canceled"] }))
      return (await Promise.all(made)).map(({ id }) => id)
    },
    async deaf(endpoints) {
      await Promise.all(
        endpoints.map((id) => client.send(operations.deleteWebhookEndpoint, { params: { id } })),
      )
    },
    async wait(jobs) {
      const body = { prompt: "A red mug", not_before: "2099-01-01T00:00:00Z" }
      const made = await keepInFlight(() => world.submit(body), { inFlight: 16, total: jobs, spreadMs: 0 })
      return made.map(({ id }) => id)
    },
    async end(jobs, perSecond) {
      const startedAt = performance.now()
      const under: Promise<unknown>[] = []
      for (const [index, id] of jobs.entries()) {
        const dueMs = startedAt + (index / perSecond) * 1_000 - performance.now()
        if (dueMs > 1) await sleep(dueMs)
        under.push(cancel(id))
      }
      await Promise.all(under)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Collects what arrives until there are so many of the paths that count. */
export async function arrivalsOf(
  { receiver }: WebhookWorld,
  count: number,
  counts: (arrival: Arrival) => boolean = () => true,
): Promise<Arrival[]> {
  const all: Arrival[] = []
  await until(
    `${count} webhooks have arrived`,
    async () => {
      const { arrivals } = await receiver.taken()
      for (const arrival of arrivals) if (counts(arrival)) all.push(arrival)
      return all.length >= count
    },
    { everyMs: 200, withinMs: 180_000 },
  )
  return all
}
