import assert from "node:assert/strict"
import { test } from "node:test"

import { startEmulator } from "../start-emulator.ts"
import { ask, errorOf } from "../test-client.ts"

const prompt = "[[no_image]]"

test("requests a minute are limited per key and model, with the time that is left", async () => {
  await using emulator = await startEmulator({ latencyMs: 0, quotas: { rpm: 2 } })
  const status = async (key = "k1", model = "gemini-nano-banana-2.1") =>
    (await ask(emulator, { key, model, prompt })).status
  assert.deepEqual([await status(), await status(), await status()], [200, 200, 429])
  assert.deepEqual([await status("k2"), await status("k1", "gemini-3-pro-image")], [200, 200])
  emulator.advanceClock(20_000)
  const error = await errorOf(await ask(emulator, { key: "k1", prompt }))
  const retryDelay = String(error.details?.[2]?.["retryDelay"])
  assert.match(retryDelay, /^(39\.\d+|40)s$/)
  assert.ok(error.message.endsWith(`Please retry in ${retryDelay}.`))
  emulator.advanceClock(40_000)
  assert.equal(await status(), 200)
})

test("requests a day are limited until midnight Pacific", async () => {
  await using emulator = await startEmulator({ latencyMs: 0, quotas: { rpd: 1 } })
  assert.equal((await ask(emulator, { prompt })).status, 200)
  const error = await errorOf(await ask(emulator, { prompt }))
  const seconds = Number.parseFloat(String(error.details?.[2]?.["retryDelay"]))
  assert.match(JSON.stringify(error.details), /"quotaId":"GenerateRequestsPerDayPerProjectPerModel"/)
  assert.ok(seconds > 0 && seconds <= 86_400)
  emulator.advanceClock(25 * 3600 * 1000)
  assert.equal((await ask(emulator, { prompt })).status, 200)
})

test("a limit of 0 is the free tier's refusal, images have their own limit, and limits can change", async () => {
  await using emulator = await startEmulator({ latencyMs: 0, quotas: { rpm: 0 } })
  assert.match((await errorOf(await ask(emulator, { prompt }))).message, /limit: 0/)
  emulator.setQuota({ ipm: 1 })
  assert.equal((await ask(emulator, { prompt })).status, 200)
  assert.match(
    JSON.stringify(await errorOf(await ask(emulator, { prompt }))),
    /GenerateImagesPerMinutePerProjectPerModel/,
  )
  emulator.reset()
  assert.equal((await ask(emulator, { prompt })).status, 200)
})
