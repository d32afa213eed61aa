import type { Redis } from "ioredis"

type Wake = () => void

/** Tells processes that something happened to a job, from the outbox: nothing is missed over a lost connection. */
export type Feed = AsyncDisposable & {
  /** Calls back after each event of the job until it is unsubscribed. */
  subscribe(jobId: string, wake: Wake): () => void
}

type Options = {
  /** A connection of its own: it blocks. */
  redis: Redis
  prefix: string
  onError: (error: unknown) => void
}

const blockMs = 5_000
const pauseMs = 500

type Entry = [id: string, fields: string[]]

/** Follows the outbox from now on, in one connection a process, however many callers wait. */
export function createFeed({ redis, prefix, onError }: Options): Feed {
  const waiting = new Map<string, Set<Wake>>()
  const closed = new AbortController()
  const running = follow()

  async function follow(): Promise<void> {
    let position = "$"
    while (!closed.signal.aborted) {
      try {
        if (position === "$") position = await newest()
        const answer = await redis.xread(
          "COUNT",
          500,
          "BLOCK",
          blockMs,
          "STREAMS",
          `${prefix}:outbox`,
          position,
        )
        for (const [id, fields] of answer?.[0]?.[1] ?? []) {
          position = id
          announce(fields)
        }
      } catch (error) {
        if (closed.signal.aborted) return
        onError(error)
        await new Promise((resume) => setTimeout(resume, pauseMs))
      }
    }
  }

  async function newest(): Promise<string> {
    const [last] = (await redis.xrevrange(`${prefix}:outbox`, "+", "-", "COUNT", 1)) as Entry[]
    return last?.[0] ?? "0-0"
  }

  function announce(fields: readonly string[]): void {
    const job = fields[fields.indexOf("job") + 1]
    for (const wake of waiting.get(job ?? "") ?? []) wake()
  }

  return {
    subscribe(jobId, wake) {
      const wakes = waiting.get(jobId) ?? new Set()
      waiting.set(jobId, wakes.add(wake))
      return () => {
        wakes.delete(wake)
        if (wakes.size === 0) waiting.delete(jobId)
      }
    },
    async [Symbol.asyncDispose]() {
      closed.abort()
      // Between two tries to connect ioredis forgets what waits for the connection: it would be waited for for ever.
      const isForgotten = redis.status === "reconnecting"
      redis.disconnect()
      if (!isForgotten) await running
    },
  }
}
