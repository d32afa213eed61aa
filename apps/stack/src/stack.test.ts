import assert from "node:assert/strict"
import { once } from "node:events"
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { setTimeout as delay } from "node:timers/promises"

import { connectRedis, readEnv } from "@kiln/runtime"
import { startPrivateRedis } from "@kiln/runtime/testing"

import { stackEnv } from "./env.ts"
import { freePort } from "./port.ts"
import { untilReady } from "./ready.ts"
import { startStack, type StackOptions } from "./stack.ts"

/** A process that answers every request with its environment, and notes in files that it is up and that it was told to stop. */
const SERVER = (name: string, port: string) => `
  import { appendFileSync } from "node:fs"
  import { createServer } from "node:http"
  const server = createServer((_, answer) => answer.end(JSON.stringify(process.env)))
  server.listen(Number(process.env.${port} ?? 0), "127.0.0.1")
  process.on("SIGTERM", () => {
    appendFileSync(new URL("stops", import.meta.url), "${name} ")
    process.exit()
  })
  appendFileSync(new URL("starts", import.meta.url), "${name} ")`

let folder = ""
const main = (name: string) => join(folder, `${name}.mjs`)
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-stack-"))
  await writeFile(main("api"), SERVER("api", "KILN_PORT"))
  await writeFile(main("worker"), SERVER("worker", "KILN_WORKER_PORT"))
  await writeFile(main("emulator"), SERVER("emulator", "KILN_EMULATOR_PORT"))
  await writeFile(
    main("broken"),
    `console.error("ConfigurationError: KILN_RPM must be a number."); process.exit(1)`,
  )
})
after(() => rm(folder, { recursive: true }))

function options(name: string, variables: NodeJS.ProcessEnv = {}): StackOptions {
  return {
    env: readEnv(stackEnv, { KILN_PORT: "0", KILN_GRACE: "1", ...variables }),
    folder: join(folder, name),
    mains: { api: main("api"), worker: main("worker"), emulator: main("emulator") },
    signal: new AbortController().signal,
    say: () => {},
  }
}

async function environmentOf(url: string): Promise<Record<string, string>> {
  return (await (await fetch(url)).json()) as Record<string, string>
}

test("everything is started with what it needs, and stopped in order", async () => {
  const stack = await startStack(options("whole", { KILN_WORKERS: "2" }))
  const { facts } = stack
  const api = await environmentOf(facts.url)
  assert.match(facts.apiKey ?? "", /^kiln_sk_[0-9A-Za-z]{32}$/)
  assert.equal(api["KILN_ADMIN_KEY"], facts.apiKey)
  assert.equal(api["KILN_DATA_DIR"], join(folder, "whole"))
  assert.equal(api["KILN_STORAGE"], `file:${join(folder, "whole/objects")}`)
  assert.equal(facts.upstream, undefined)
  assert.equal(api["GEMINI_API_KEY"], undefined)
  const redis = connectRedis({ url: api["REDIS_URL"] ?? "", role: "command", name: "kiln:test" })
  assert.equal(await redis.ping(), "PONG")
  redis.disconnect()
  assert.equal((await stat(join(folder, "whole/admin.key"))).mode & 0o777, 0o600)
  await assert.rejects(startStack(options("whole")), /Another Kiln is running/)
  // The stack is ready when the API is; a worker that still boots could not tell that it was stopped.
  while (((await readFile(join(folder, "starts"), "utf8")).match(/worker/g) ?? []).length < 2) await delay(10)
  await stack[Symbol.asyncDispose]()
  assert.equal(await readFile(join(folder, "stops"), "utf8"), "api worker worker emulator ")
})

test("keys are kept over a restart, and given ones are used and not shown", async () => {
  const first = await startStack(options("keys"))
  await first[Symbol.asyncDispose]()
  const second = await startStack(options("keys"))
  assert.equal(second.facts.apiKey, first.facts.apiKey)
  await second[Symbol.asyncDispose]()
  await using third = await startStack(options("keys", { KILN_ADMIN_KEY: "mine", KILN_SECRET_KEY: "sealed" }))
  assert.equal(third.facts.apiKey, undefined)
  const api = await environmentOf(third.facts.url)
  assert.equal(api["KILN_ADMIN_KEY"], "mine")
  assert.equal(api["KILN_SECRET_KEY"], "sealed")
})

test("the workers get the emulator without a Gemini key, and Google with one", async () => {
  const port = String(await freePort())
  const worker = `http://127.0.0.1:${port}`
  {
    await using stack = await startStack(options("fake", { KILN_WORKER_PORT: port }))
    const { signal } = new AbortController()
    await untilReady({ url: worker, isOk: true, timeoutMs: 30_000, signal })
    const seen = await environmentOf(worker)
    assert.equal(seen["GEMINI_API_KEY"], "emulator")
    assert.ok((await environmentOf(seen["GEMINI_BASE_URL"] ?? ""))["KILN_EMULATOR_PORT"])
    assert.equal(stack.facts.upstream, undefined)
  }
  const redisPort = String(await freePort())
  await using _redis = await startPrivateRedis(["--port", redisPort])
  const REDIS_URL = `redis://:pass@127.0.0.1:${redisPort}`
  const broken = { ...options("real", { GEMINI_API_KEY: "AIza", REDIS_URL }) }
  await using stack = await startStack({ ...broken, mains: { ...broken.mains, emulator: main("broken") } })
  assert.equal(stack.facts.upstream, "Google")
  assert.equal(stack.facts.redis, `redis://127.0.0.1:${redisPort}`)
})

test("a process that refuses its configuration ends the start at once, with its words", async () => {
  const given = options("broken")
  await assert.rejects(
    startStack({ ...given, mains: { ...given.mains, worker: main("broken") } }),
    /worker-1 did not start \(code 1\):[^]*KILN_RPM must be a number/,
  )
  await using _again = await startStack(given)
})

test("a taken port is told, with the variable that changes it", async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  await assert.rejects(
    startStack(options("taken", { KILN_PORT: String(port) })),
    new RegExp(`Port ${port} is taken by another program: .*KILN_PORT`),
  )
  server.close()
})

test("a host, a folder or a Redis that cannot be used is told, with the variable that changes it", async () => {
  await assert.rejects(startStack(options("host", { KILN_HOST: "256.0.0.1" })), /KILN_HOST/)
  await assert.rejects(startStack(options("api.mjs/below")), /^Error: KILN_DATA_DIR/)
  const REDIS_URL = `redis://:pass@127.0.0.1:${await freePort()}`
  await assert.rejects(startStack(options("away", { REDIS_URL })), ({ message }: Error) => {
    assert.match(message, /REDIS_URL does not answer \(.*ECONNREFUSED/)
    assert.doesNotMatch(message, /pass/)
    return true
  })
  assert.throws(() => options("odd", { REDIS_URL: "localhost" }), /REDIS_URL .* must start with redis:/)
})

test("the path of the data folder may hold any character", async () => {
  await using stack = await startStack(options('größe #1 50%25? "q"'))
  assert.equal((await environmentOf(stack.facts.url))["KILN_DATA_DIR"], stack.facts.dataFolder)
})

test("a stop during the start ends it", async () => {
  const stopping = new AbortController()
  const given = options("stopped")
  await writeFile(main("silent"), `setInterval(() => {}, 1000)`)
  const starting = startStack({
    ...given,
    mains: { ...given.mains, api: main("silent") },
    signal: stopping.signal,
  })
  setImmediate(() => stopping.abort(new Error("SIGTERM received.")))
  await assert.rejects(starting, /SIGTERM received/)
})
