import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { checkRedis, connectRedis } from "@kiln/runtime"

import { type EmbeddedRedis, startEmbeddedRedis } from "./embedded-redis.ts"
import { type LogFile, openLogFile } from "./log-file.ts"

let root = ""
let log: LogFile
before(async () => {
  root = await mkdtemp(join(tmpdir(), "kiln-embedded-"))
  log = openLogFile(join(root, "redis.log"))
})
after(async () => {
  log[Symbol.dispose]()
  await rm(root, { recursive: true })
})

async function start(folder: string): Promise<EmbeddedRedis> {
  const boot = new AbortController()
  let isUp = false
  const started = await startEmbeddedRedis({
    folder,
    log,
    signal: boot.signal,
    isUp: () => isUp,
    onFailedStart: (error) => boot.abort(error),
    say: () => {},
  })
  isUp = true
  return started
}

function connect(url: string) {
  const redis = connectRedis({ url, role: "blocking", name: "kiln:test", onError: () => {} })
  return { redis, [Symbol.dispose]: () => redis.disconnect() }
}

test("it keeps what was written over a restart", async () => {
  const folder = join(root, "kept")
  {
    await using server = await start(folder)
    using connection = connect(server.url)
    await connection.redis.set("job", "queued")
  }
  await using server = await start(folder)
  using connection = connect(server.url)
  assert.equal(await connection.redis.get("job"), "queued")
})

test("it is set up to lose and evict nothing, and is reached by its socket only", async () => {
  await using server = await start(join(root, "sound"))
  using connection = connect(server.url)
  assert.deepEqual(await checkRedis(connection.redis), [])
  assert.deepEqual(await connection.redis.config("GET", "appendfsync"), ["appendfsync", "always"])
  assert.deepEqual(await connection.redis.config("GET", "port"), ["port", "0"])
  assert.match(server.url, /^unix:\/\//)
})

test("a folder whose path is too long for a socket gets a port with a password", async () => {
  const folder = join(root, "a folder with a long name ".repeat(5).trim())
  await using server = await start(folder)
  assert.match(server.url, /^redis:\/\/:\w+@127\.0\.0\.1:\d+$/)
  using connection = connect(server.url)
  assert.equal(await connection.redis.ping(), "PONG")
  using stranger = connect(server.url.replace(/:\w+@/, ""))
  await assert.rejects(stranger.redis.ping(), /NOAUTH/)
})

test("one that a killed run left behind is stopped first, and nothing of it is lost", async () => {
  const folder = join(root, "left")
  const { url } = await start(folder).then(async (server) => {
    await server[Symbol.asyncDispose]()
    return server
  })
  const left = spawn("redis-server", [join(folder, "redis.conf")], { stdio: "ignore" })
  const ended = once(left, "exit")
  using connection = connect(url)
  await connection.redis.set("job", "running")
  await using server = await start(folder)
  await ended
  using again = connect(server.url)
  assert.equal(await again.redis.get("job"), "running")
})

test("it stops when the process that started it is killed", async () => {
  const folder = join(root, "orphan")
  const script = `
    import { openLogFile } from ${JSON.stringify(import.meta.resolve("./log-file.ts"))}
    import { startEmbeddedRedis } from ${JSON.stringify(import.meta.resolve("./embedded-redis.ts"))}
    await startEmbeddedRedis({
      folder: ${JSON.stringify(folder)},
      log: openLogFile(${JSON.stringify(join(root, "orphan.log"))}),
      signal: new AbortController().signal,
      isUp: () => true,
    })
    console.log("up")`
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script])
  await once(parent.stdout, "data")
  using connection = connect(`unix://${folder}/redis.sock`)
  await connection.redis.ping()
  const closed = new Promise<void>((resolve) => connection.redis.once("close", resolve))
  parent.kill("SIGKILL")
  await closed
})

test("one that dies is started again with its data", async () => {
  await using server = await start(join(root, "dies"))
  using connection = connect(server.url)
  const { redis } = connection
  await redis.set("job", "queued")
  const { pid } = await processOf(redis)
  process.kill(pid, "SIGKILL")
  assert.equal(await redis.get("job"), "queued")
  assert.notEqual((await processOf(redis)).pid, pid)
})

test("one that cannot start says why", async () => {
  const folder = join(root, "broken")
  await mkdir(join(folder, "appendonlydir", "appendonly.aof.manifest"), { recursive: true })
  await assert.rejects(start(folder), /redis did not start \(code 1\):[^]*appendonly/)
  assert.match(await readFile(log.path, "utf8"), /appendonly/)
})

async function processOf(redis: ReturnType<typeof connectRedis>): Promise<{ pid: number }> {
  return { pid: Number(/process_id:(\d+)/.exec(await redis.info("server"))?.[1]) }
}
