import type { TakenDelivery } from "@kiln/ledger"
import { LRUCache } from "lru-cache"

import { createTelling, type TellingOptions } from "./event-body.ts"

type Told = Pick<TakenDelivery, "event" | "job">

const keptBytes = 16 * 1024 * 1024

/**
 * Bodies of webhooks as text. An event goes to several endpoints, and again when it failed: what its job's number of
 * events shows to be the same is not said anew.
 */
export function createEventText(options: TellingOptions) {
  const telling = createTelling(options)
  const underWay = new Map<string, Promise<string>>()
  const kept = new LRUCache<string, { text: string; eventCount: number; until: number }>({
    maxSize: keptBytes,
    // A character takes up to two bytes in memory, and an entry some more.
    sizeCalculation: ({ text }) => 2 * text.length + 300,
  })

  async function say({ event, job }: Told): Promise<string> {
    const { told, same } = await telling(event, () => job?.record())
    const text = JSON.stringify(told)
    if (same) kept.set(event.id, { text, ...same })
    return text
  }

  return async (delivery: Told): Promise<string> => {
    const { event, job } = delivery
    const known = kept.get(event.id)
    if (known && known.eventCount === job?.eventCount && known.until > Date.now()) return known.text
    const started = underWay.get(event.id)
    if (started) return started
    const text = say(delivery).finally(() => underWay.delete(event.id))
    underWay.set(event.id, text)
    return text
  }
}
export type EventText = ReturnType<typeof createEventText>
