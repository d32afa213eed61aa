import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { connectRedis } from "@kiln/runtime"
import type { Redis } from "ioredis"

import { freePort } from "./free-port.ts"
import { until } from "./until.ts"

type Server = AsyncDisposable & { port: number; redis: Redis; kill(): Promise<void> }

const host = "127.0.0.1"

/** A Redis that loses nothing it has acknowledged, on a socket, to be killed and started again. */
export async function startDurableRedis(): Promise<
  AsyncDisposable & { url: string; kill(): Promise<void>; start(): Promise<void> }
> {
  await using opened = new AsyncDisposableStack()
  const folder = await openFolder(opened)
  const socket = join(folder, "redis.sock")
  const settings = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]
  let child: ChildProcess | undefined
  const kill = async () => {
    if (child) await stop(child)
  }
  const start = async () => {
    child = spawn("redis-server", [...settings, "--appendonly", "yes", "--appendfsync", "always"], {
      stdio: "ignore",
    })
    const redis = connectRedis({
      url: `unix://${socket}`,
      role: "blocking",
      name: "world",
      onError: () => {},
    })
    await redis.ping().finally(() => redis.disconnect())
  }
  opened.defer(kill)
  await start()
  const kept = opened.move()
  return { url: `unix://${socket}`, kill, start, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Three masters that share the slots, and no replicas. */
export async function startRedisCluster(): Promise<AsyncDisposable & { url: string; masters: Redis[] }> {
  await using opened = new AsyncDisposableStack()
  const folder = await openFolder(opened)
  const servers: Server[] = []
  for (let n = 0; n < 3; n++) {
    const busPort = await freePort()
    const settings = ["--cluster-enabled", "yes", "--cluster-port", `${busPort}`]
    servers.push(opened.use(await startServer(join(folder, `${n}`), settings)))
  }
  const [first, ...others] = servers
  if (!first) throw new Error("no server")
  for (const [n, { redis }] of servers.entries()) {
    const last = n === 2 ? 16_383 : (n + 1) * 5_461 - 1
    await redis.call("CLUSTER", "ADDSLOTSRANGE", n * 5_461, last)
    await redis.call("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
  }
  for (const { port, redis } of others) {
    const busPort = /@(\d+)/.exec(String(await redis.call("CLUSTER", "NODES")))?.[1] ?? ""
    await first.redis.call("CLUSTER", "MEET", host, port, busPort)
  }
  await until("the cluster is whole", async () => {
    const facts = await Promise.all(servers.map(({ redis }) => redis.call("CLUSTER", "INFO")))
    return facts.every((each) => /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(String(each)))
  })
  const kept = opened.move()
  return {
    url: servers.map(({ port }) => `redis://${host}:${port}`).join(","),
    masters: servers.map(({ redis }) => redis),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** A master, its replica and a sentinel that makes the replica the master a second after the other is gone. */
export async function startSentinels(): Promise<
  AsyncDisposable & { sentinels: string; master: Server; replica: Server }
> {
  await using opened = new AsyncDisposableStack()
  const folder = await openFolder(opened)
  const append = ["--appendonly", "yes", "--appendfsync", "always"]
  const master = opened.use(await startServer(join(folder, "master"), append))
  const replica = opened.use(
    await startServer(join(folder, "replica"), [...append, "--replicaof", `${host} ${master.port}`]),
  )
  await until("the replica follows", async () =>
    /master_link_status:up/.test(await replica.redis.info("replication")),
  )
  const port = await freePort()
  const settings = join(folder, "sentinel.conf")
  await writeFile(
    settings,
    [
      `port ${port}`,
      `dir ${folder}`,
      `sentinel monitor mymaster ${host} ${master.port} 1`,
      "sentinel down-after-milliseconds mymaster 1000",
      "sentinel failover-timeout mymaster 3000",
    ].join("\n"),
  )
  const sentinel = spawn("redis-server", [settings, "--sentinel"], { stdio: "ignore" })
  opened.defer(() => stop(sentinel))
  await using asked = new AsyncDisposableStack()
  const client = asked.adopt(connect(port), (redis) => redis.disconnect())
  await until("the sentinel knows both", async () =>
    /slaves=1/.test(await client.info("sentinel").catch(() => "")),
  )
  const kept = opened.move()
  return {
    sentinels: `${host}:${port}`,
    master,
    replica,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function openFolder(opened: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-redis-"))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const connect = (port: number): Redis =>
  connectRedis({ url: `redis://${host}:${port}`, role: "blocking", name: "world", onError: () => {} })

async function startServer(dir: string, settings: readonly string[]): Promise<Server> {
  await mkdir(dir)
  const port = await freePort()
  const child = spawn(
    "redis-server",
    ["--port", `${port}`, "--bind", host, "--dir", dir, "--save", "", ...settings],
    { stdio: "ignore" },
  )
  const redis = connect(port)
  await redis.ping()
  const kill = () => stop(child)
  return {
    port,
    redis,
    kill,
    async [Symbol.asyncDispose]() {
      redis.disconnect()
      await kill()
    },
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}
