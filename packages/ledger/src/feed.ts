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

/** Follows the outbox while somebody waits, in one connection a process, however many do. */
export function createFeed({ redis, prefix, onError }: Options): Feed {
  const waiting = new Map<string, Set<Wake>>()
  const closed = new AbortController()
  const outbox = `${prefix}:outbox`
  let begin: (() => void) | undefined
  const running = follow()

  async function follow(): Promise<void> {
    let position: string | undefined
    while (!closed.signal.aborted) {
      if (waiting.size === 0) {
        // Every event of every tenant comes by here: nobody reads them for nobody.
        await new Promise<void>((resolve) => (begin = resolve))
        position = undefined
        continue
      }
      try {
        position = position === undefined ? await start() : await step(position)
      } catch (error) {
        if (closed.signal.aborted) return
        onError(error)
        await new Promise((resume) => setTimeout(resume, pauseMs))
      }
    }
  }

  /** What happened since they began to wait is not read any more: they look for themselves. */
  async function start(): Promise<string> {
    const newest = await newestIn(redis, outbox)
    for (const wakes of waiting.values()) for (const wake of wakes) wake()
    return newest
  }

  async function step(position: string): Promise<string> {
    const answer = await redis.xread("COUNT", 500, "BLOCK", blockMs, "STREAMS", outbox, position)
    const entries = answer?.[0]?.[1] ?? []
    for (const [, fields] of entries) {
      const job = fields[fields.indexOf("job") + 1]
      for (const wake of waiting.get(job ?? "") ?? []) wake()
    }
    return entries.at(-1)?.[0] ?? position
  }

  return {
    subscribe(jobId, wake) {
      const wakes = waiting.get(jobId) ?? new Set()
      waiting.set(jobId, wakes.add(wake))
      begin?.()
      return () => {
        wakes.delete(wake)
        if (wakes.size === 0) waiting.delete(jobId)
      }
    },
    async [Symbol.asyncDispose]() {
      closed.abort()
      begin?.()
      // Between two tries to connect ioredis forgets what waits for the connection: it would be waited for for ever.
      const isForgotten = redis.status === "reconnecting"
      redis.disconnect()
      if (!isForgotten) await running
    },
  }
}

async function newestIn(redis: Redis, stream: string): Promise<string> {
  const [last] = (await redis.xrevrange(stream, "+", "-", "COUNT", 1)) as Entry[]
  return last?.[0] ?? "0-0"
}
