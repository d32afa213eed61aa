import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

import { readEnvironment } from "./read-environment.ts"

test("an empty environment is port 8790 on this machine, a usual latency and no quota", () => {
  assert.deepEqual(readEnvironment({}), { host: "127.0.0.1", port: 8790, latencyMs: [300, 900], quotas: {} })
})

test("every variable is read", () => {
  const environment = {
    KILN_EMULATOR_HOST: "0.0.0.0",
    KILN_EMULATOR_PORT: "0",
    KILN_EMULATOR_LATENCY_MS: "20",
    KILN_EMULATOR_RPM: "10",
    KILN_EMULATOR_IPM: "0",
    KILN_EMULATOR_RPD: "250",
  }
  const quotas = { rpm: 10, ipm: 0, rpd: 250 }
  assert.deepEqual(readEnvironment(environment), { host: "0.0.0.0", port: 0, latencyMs: [20, 20], quotas })
})

test("a wrong value names its variable", () => {
  assert.throws(() => readEnvironment({ KILN_EMULATOR_RPM: "many" }), /^Error: KILN_EMULATOR_RPM must/)
  assert.throws(() => readEnvironment({ KILN_EMULATOR_LATENCY_MS: "900-300" }), /KILN_EMULATOR_LATENCY_MS/)
})

test("the process says what it is and ends on SIGTERM", async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { KILN_EMULATOR_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  })
  const ended = once(child, "exit")
  const [line] = await once(createInterface(child.stdout), "line")
  assert.match(String(line), /EMULATOR \(not Google\) on http:\/\/127\.0\.0\.1:\d+/)
  child.kill("SIGTERM")
  assert.deepEqual(await ended, [0, null])
})
