import { Redis, type RedisOptions } from "ioredis"

/** `command` fails fast; `blocking` waits on queues; `subscriber` waits for messages. */
export type RedisRole = "command" | "blocking" | "subscriber"

export type ConnectRedisOptions = {
  /** `redis://`, `rediss://`, or a socket: `unix:///path`, `redis+unix:///path`, each with `?db=n` if wanted. */
  url: string
  role: RedisRole
  /** Shown by CLIENT LIST. */
  name: string
  /** Called once an outage, not once a try. Without it a warning is emitted on the process. */
  onError?: (error: Error) => void
}

/** BullMQ and our scripts read replies in the shapes of the older protocol: `replyMapping` is never changed. */
type Options = Omit<RedisOptions, "replyMapping">

const CONNECT_TIMEOUT_MS = 5000
const COMMAND_TIMEOUT_MS = 5000
const LONGEST_PAUSE_MS = 2000

/** Connects in the background and reconnects for ever; close it with `disconnect()` or `quit()`. */
export function connectRedis({ url, role, name, onError }: ConnectRedisOptions): Redis {
  const redis = createClient(url, { ...OF_ROLE[role], ...ALWAYS, connectionName: name })
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
} satisfies Options

const OF_ROLE: Record<RedisRole, Options> = {
  // A request is better refused with 503 than kept waiting for a Redis that is away.
  command: { enableAutoPipelining: true, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS },
  // BullMQ insists on null: a blocking read that outlives a reconnection must not be rejected.
  blocking: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null },
}

/** ioredis takes a socket as a path, which may hold any character. */
function createClient(url: string, options: Options): Redis {
  const [isSocket, path = "", query = ""] = /^(?:redis\+)?unix:\/\/(\/[^?]*)(?:\?(.*))?$/.exec(url) ?? []
  if (isSocket === undefined) return new Redis(url, options)
  const db = Number(new URLSearchParams(query).get("db") ?? 0)
  return new Redis({ ...options, path: decodeURIComponent(path), db })
}
