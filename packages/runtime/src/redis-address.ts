import type { RedisOptions } from "ioredis"

export type Host = { host: string; port: number }

/** Where Redis is: one server, a cluster, or the master that sentinels know. */
export type RedisAddress = {
  /**
   * `redis://`, `rediss://`, or a socket: `unix:///path`, `redis+unix:///path`, each with `?db=n` if wanted.
   * With `sentinels` only its user, password, database and TLS count; with `cluster` several by commas are allowed.
   */
  url: string
  cluster?: boolean
  sentinels?: readonly Host[]
  /** The master's name at the sentinels; `mymaster` if absent. */
  sentinelName?: string
}

export type RedisServer = Pick<
  RedisOptions,
  "host" | "port" | "path" | "username" | "password" | "db" | "tls"
>

type Environment = {
  REDIS_URL: string
  REDIS_CLUSTER: boolean
  REDIS_SENTINELS?: readonly Host[] | undefined
  REDIS_SENTINEL_NAME: string
}

/** The address in the environment of a process. */
export const redisAddress = (env: Environment): RedisAddress => ({
  url: env.REDIS_URL,
  cluster: env.REDIS_CLUSTER,
  ...(env.REDIS_SENTINELS ? { sentinels: env.REDIS_SENTINELS } : {}),
  sentinelName: env.REDIS_SENTINEL_NAME,
})

/** ioredis takes a socket as a path, which may hold any character. */
export function splitRedisUrl(text: string): RedisServer {
  const [isSocket, path = "", query = ""] = /^(?:redis\+)?unix:\/\/(\/[^?]*)(?:\?(.*))?$/.exec(text) ?? []
  if (isSocket !== undefined) {
    return { path: decodeURIComponent(path), db: Number(new URLSearchParams(query).get("db") ?? 0) }
  }
  const url = new URL(text)
  const db = url.searchParams.get("db") ?? url.pathname.slice(1)
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1",
    port: Number(url.port || 6379),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(db === "" ? {} : { db: Number(db) }),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
  }
}

/** `host:port`, several by commas. */
export function readHosts(text: string, port: number): Host[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .map((each) => {
      const url = new URL(`redis://${each}`)
      return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port || port) }
    })
}
