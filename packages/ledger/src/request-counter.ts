import type { Redis } from "ioredis"

type Window = { start: number; counted: number; unsent: number; elsewhere: number }

/**
 * Counts requests a minute for each tenant over all API processes. A process adds what it saw to Redis a few
 * times a second, not once a request: no request waits for its count, and a limit is exact to what
 * the other processes saw in the last `flushMs`.
 */
export function createRequestCounter(options: {
  redis: Redis
  prefix: string
  windowMs: number
  flushMs: number
}) {
  const { redis, prefix, windowMs, flushMs } = options
  const windows = new Map<string, Window>()

  function windowOf(tenant: string, now: number): Window {
    const start = now - (now % windowMs)
    const known = windows.get(tenant)
    if (known?.start === start) return known
    const fresh = { start, counted: 0, unsent: 0, elsewhere: 0 }
    windows.set(tenant, fresh)
    return fresh
  }

  async function flushOne(tenant: string, window: Window): Promise<void> {
    const sending = window.unsent
    window.unsent = 0
    const key = `${prefix}:requests:${tenant}:${window.start}`
    const replies = await redis
      .multi()
      .incrby(key, sending)
      .pexpire(key, windowMs * 2)
      .exec()
    const total = Number(replies?.[0]?.[1] ?? 0)
    window.elsewhere = Math.max(0, total - (window.counted - window.unsent))
  }

  async function flush(): Promise<void> {
    const now = Date.now()
    for (const [tenant, window] of windows) {
      if (window.start + windowMs < now) windows.delete(tenant)
    }
    const due = [...windows].filter(([, window]) => window.unsent > 0)
    await Promise.allSettled(due.map(([tenant, window]) => flushOne(tenant, window)))
  }

  const timer = setInterval(() => void flush(), flushMs).unref()
  return {
    /** Counts one request; answers how many there were in this window, and when it ends. */
    hit(tenant: string, now = Date.now()): { total: number; resetsAt: Date } {
      const window = windowOf(tenant, now)
      window.counted += 1
      window.unsent += 1
      return { total: window.counted + window.elsewhere, resetsAt: new Date(window.start + windowMs) }
    },
    flush,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
