import { Redis, type RedisOptions } from "ioredis"

import { splitRedisUrl, type RedisAddress } from "./redis-address.ts"
import { connectCluster } from "./redis-cluster.ts"

/** `command` fails fast; `blocking` waits on queues; `subscriber` waits for messages. */
export type RedisRole = "command" | "blocking" | "subscriber"

export type ConnectRedisOptions = RedisAddress & {
  role: RedisRole
  /** Shown by CLIENT LIST. */
  name: string
  /** Called once an outage, not once a try. Without it a warning is emitted on the process. */
  onError?: (error: Error) => void
}

/** BullMQ and our scripts read replies in the shapes of the older protocol: `replyMapping` is never changed. */
type Options = Omit<RedisOptions, "replyMapping">

const CONNECT_TIMEOUT_MS = 5000
/** A command without an answer for so long is given up, whatever becomes of it. */
export const commandTimeoutMs = 5_000
const LONGEST_PAUSE_MS = 2000

/** Connects in the background and reconnects for ever; close it with `disconnect()` or `quit()`. */
export function connectRedis({ role, name, onError, ...address }: ConnectRedisOptions): Redis {
  const redis = createClient(address, { ...OF_ROLE[role], ...ALWAYS, connectionName: name })
  let isDown = false
  redis.on("ready", () => {
    isDown = false
  })
  redis.on("error", (error: Error) => {
    if (isDown) return
    isDown = true
    if (onError === undefined) process.emitWarning(`Redis (${name}): ${error.message}`)
    else onError(error)
  })
  return redis
}

const ALWAYS = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 6), LONGEST_PAUSE_MS),
  // After a fail-over the old address may be a replica: what answers READONLY is left and looked up anew.
  reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
} satisfies Options

const OF_ROLE: Record<RedisRole, Options> = {
  // A request is better refused with 503 than kept waiting for a Redis that is away.
  command: { enableAutoPipelining: true, maxRetriesPerRequest: 1, commandTimeout: commandTimeoutMs },
  // BullMQ insists on null: a blocking read that outlives a reconnection must not be rejected.
  blocking: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null },
}

function createClient(address: RedisAddress, options: Options): Redis {
  if (address.cluster) return connectCluster(address.url, options)
  const { sentinels, sentinelName } = address
  const server = splitRedisUrl(address.url)
  if (!sentinels || sentinels.length === 0) return new Redis({ ...server, ...options })
  const { username, password, db, tls } = server
  return new Redis({
    ...options,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    db: db ?? 0,
    sentinels: [...sentinels],
    name: sentinelName ?? "mymaster",
    role: "master",
    sentinelRetryStrategy: ALWAYS.retryStrategy,
  })
}
