import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import type { Redis } from "ioredis"

import { checkRedis } from "./check-redis.ts"
import { connectRedis } from "./redis.ts"

let folder = ""
let server: ChildProcess
const socket = () => join(folder, "my redis.sock")
const url = () => `unix://${encodeURI(socket())}`

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-redis-"))
  server = spawnRedis()
})
after(async () => {
  await kill(server)
  await rm(folder, { recursive: true })
})

function spawnRedis(): ChildProcess {
  const options = { port: "0", unixsocket: socket(), save: "", dir: folder }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  return spawn("redis-server", args, { stdio: "ignore" })
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

/** Unlike `once` of node:events this does not reject when an error is emitted meanwhile. */
function events(redis: Redis, name: string, count: number): Promise<void> {
  let seen = 0
  return new Promise((resolve) => {
    redis.on(name, () => {
      seen += 1
      if (seen === count) resolve()
    })
  })
}

function connect(
  role: "command" | "blocking" | "subscriber",
  onError: (error: Error) => void = () => {},
): AsyncDisposable & { redis: Redis } {
  const redis = connectRedis({ url: url(), role, name: "kiln:test", onError })
  return { redis, [Symbol.asyncDispose]: async () => redis.disconnect() }
}

test("a socket address connects, under the given name", async () => {
  await using connection = connect("command")
  assert.equal(await connection.redis.client("GETNAME"), "kiln:test")
})

test("redis+unix addresses and databases are understood", async () => {
  const redis = connectRedis({ url: `redis+${url()}?db=3`, role: "command", name: "kiln:test" })
  await redis.set("where", "three")
  assert.equal(redis.options.db, 3)
  assert.match(await redis.info("keyspace"), /db3:keys=1/)
  redis.disconnect()
})

test("a blocking connection has no limit of time or tries", async () => {
  await using connection = connect("blocking")
  assert.equal(connection.redis.options.maxRetriesPerRequest, null)
  assert.equal(connection.redis.options.commandTimeout, undefined)
})

test("an outage is told once, commands fail fast, and the connection comes back", async () => {
  const errors: Error[] = []
  await using connection = connect("command", (error) => errors.push(error))
  await connection.redis.ping()
  await kill(server)
  await assert.rejects(connection.redis.ping())
  await events(connection.redis, "reconnecting", 3)
  assert.equal(errors.length, 1)
  server = spawnRedis()
  await events(connection.redis, "ready", 1)
  assert.equal(await connection.redis.ping(), "PONG")
  assert.equal(errors.length, 1)
})

test("a Redis that would lose or evict jobs is warned about, a sound one is not", async () => {
  await using connection = connect("command")
  const { redis } = connection
  assert.deepEqual(await checkRedis(redis), ["Redis keeps nothing over a restart: set appendonly yes."])
  await redis.config("SET", "save", "60 1")
  await redis.config("SET", "maxmemory-policy", "allkeys-lru")
  assert.deepEqual(await checkRedis(redis), [
    "Redis may evict jobs: maxmemory-policy is allkeys-lru, set it to noeviction.",
    "Redis may lose minutes of jobs in a crash: set appendonly yes.",
  ])
  await redis.config("SET", "maxmemory-policy", "noeviction")
  await redis.config("SET", "appendonly", "yes")
  assert.deepEqual(await checkRedis(redis), [])
})

test("a Redis that forbids CONFIG is still judged by what it tells", async () => {
  await using connection = connect("command")
  const { redis } = connection
  await redis.config("SET", "appendonly", "no")
  await redis.call("ACL", "SETUSER", "hosted", "on", ">pass", "~*", "+@all", "-config")
  const hosted = redis.duplicate({ username: "hosted", password: "pass" })
  assert.deepEqual(await checkRedis(hosted), [
    "Redis may lose minutes of jobs in a crash: set appendonly yes.",
  ])
  hosted.disconnect()
})
