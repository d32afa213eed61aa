import type { ToldEvent } from "@kiln/ledger"
import { LRUCache } from "lru-cache"

import { createTelling, type EventBodyOptions } from "./event-body.ts"

const keptBytes = 16 * 1024 * 1024

/**
 * Bodies of webhooks as text. An event goes to several endpoints, and again when it failed: what the job's number of
 * events shows to be the same is not read and said again.
 */
export function createEventText(options: EventBodyOptions) {
  const telling = createTelling(options)
  const underWay = new Map<string, Promise<string>>()
  const kept = new LRUCache<string, { text: string; eventCount: number; until: number }>({
    maxSize: keptBytes,
    // A character takes up to two bytes in memory, and an entry some more.
    sizeCalculation: ({ text }) => 2 * text.length + 300,
  })

  async function say(event: ToldEvent): Promise<string> {
    const { told, same } = await telling(event)
    const text = JSON.stringify(told)
    if (same) kept.set(event.id, { text, ...same })
    return text
  }

  /** `eventCount` is that of its job at this moment; null where it has none. */
  return async (event: ToldEvent, eventCount: number | null): Promise<string> => {
    const known = kept.get(event.id)
    if (known && known.eventCount === eventCount && known.until > Date.now()) return known.text
    const started = underWay.get(event.id)
    if (started) return started
    const text = say(event).finally(() => underWay.delete(event.id))
    underWay.set(event.id, text)
    return text
  }
}
export type EventText = ReturnType<typeof createEventText>
