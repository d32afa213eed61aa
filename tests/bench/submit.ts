import { startWorld } from "../world/world.ts"
import { socketOf, startListening } from "./bare-process.ts"
import type { Benchmark } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { loadRows, noLimit } from "./load-rows.ts"
import { load, loadRounds, showLoad } from "./load.ts"
import { redisSettings } from "./redis-settings.ts"

const body = JSON.stringify({
  prompt:
    "A studio photograph of a hand-thrown stoneware mug with an ash glaze on a walnut table, soft window light from " +
    "the left, shallow depth of field, a linen cloth in the background, no text, no people.",
  model: "gemini-2.5-flash-image",
  aspect_ratio: "1:1",
  metadata: { sku: "MUG-00417" },
})

export const submit: Benchmark = {
  name: "submit",
  compares: "POST /v1/generations, beside Express and BullMQ's `queue.add` of the same body",
  async run(progress) {
    await using world = await startWorld({ workers: 0, apiEnv: noLimit, redisSettings })
    await using bare = await startListening(new URL("./bare/submit-server.ts", import.meta.url), {
      REDIS_SOCKET: socketOf(world.redisUrl),
    })
    const path = "/v1/generations"
    const post = {
      method: "POST",
      body,
      headers: { "content-type": "application/json", authorization: `Bearer ${world.key}` },
    } as const
    const measured = await inTurns(
      {
        bare: () => load({ ...post, url: bare.url + path, pid: bare.pid }),
        kiln: () => load({ ...post, url: world.url + path, pid: world.api?.pid ?? 0 }),
      },
      { progress, show: showLoad, rounds: loadRounds },
    )
    return loadRows("submit", measured, 0.6)
  },
}
