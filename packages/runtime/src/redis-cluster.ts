import { Cluster, type Redis, type RedisOptions } from "ioredis"

import { splitRedisUrl } from "./redis-address.ts"

type Options = Omit<RedisOptions, "replyMapping">

const refreshMs = 5_000

/**
 * A connection to a cluster. Every key that Kiln uses has one hash tag, so that one of its masters holds all
 * of them, and a script or a pipeline is always whole.
 */
export function connectCluster(urls: string, options: Options): Redis {
  const servers = urls.split(",").map((url) => splitRedisUrl(url.trim()))
  const { username, password, tls } = servers[0] ?? {}
  const { retryStrategy, enableAutoPipelining, maxRetriesPerRequest, ...ofNodes } = options
  const cluster = new Cluster(
    servers.map(({ host = "127.0.0.1", port = 6379 }) => ({ host, port })),
    {
      clusterRetryStrategy: (times) => retryStrategy?.(times) ?? undefined,
      enableAutoPipelining: enableAutoPipelining ?? false,
      slotsRefreshInterval: refreshMs,
      redisOptions: {
        ...ofNodes,
        maxRetriesPerRequest: maxRetriesPerRequest ?? null,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(tls === undefined ? {} : { tls }),
      },
    },
  )
  // A cluster has the commands, scripts, messages and events of a single server; what differs (`duplicate`,
  // `options`) only BullMQ uses, and it tells the two apart.
  return cluster as unknown as Redis
}

/** The servers that hold what is written: the masters of a cluster, or the one that is connected. */
export function serversOf(redis: Redis): Redis[] {
  const client: unknown = redis
  return client instanceof Cluster ? client.nodes("master") : [redis]
}
