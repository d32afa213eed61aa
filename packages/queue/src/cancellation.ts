import type { Redis } from "ioredis"

type Options = {
  /** A connection of its own: it subscribes. */
  redis: Redis
  channel: string
  /** Called with the id of a job that is to stop, about a millisecond after it was asked. */
  onCancel: (id: string) => void
}

/** Listens for cancellations. A hint that is lost does no harm: the ledger's flag is read again. */
export async function listenForCancellation({ redis, channel, onCancel }: Options): Promise<AsyncDisposable> {
  redis.on("message", (from, id) => {
    if (from === channel) onCancel(id)
  })
  await redis.subscribe(channel)
  return {
    async [Symbol.asyncDispose]() {
      redis.disconnect()
    },
  }
}
