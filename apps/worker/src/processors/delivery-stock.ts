import type { TakenDelivery } from "@kiln/ledger"

type Options = {
  /** Deliveries on their way at once. */
  places: number
  /** Sends one; resolves when its receiver has answered, and never rejects. */
  send: (delivery: TakenDelivery) => Promise<void>
  /** A place is free, or the stock is low. */
  onRoom: () => void
}

/** Those that wait longer for a place are better off with another worker: their lease runs. */
const longestWaitMs = 1_000

/**
 * Places for deliveries on their way, and a few more that are taken already: while much is due, the next is sent without
 * waiting for the ledger.
 */
export function createDeliveryStock({ places, send, onRoom }: Options) {
  const waiting: { delivery: TakenDelivery; since: number }[] = []
  let onTheirWay = 0
  // Whether more was due than there were places.
  let isBehind = false

  function fill(): void {
    while (onTheirWay < places) {
      const next = waiting.shift()
      if (!next) return
      onTheirWay += 1
      void send(next.delivery).then(leave)
    }
  }

  function leave(): void {
    onTheirWay -= 1
    fill()
    if (isBehind && waiting.length <= places / 2) onRoom()
  }

  return {
    /** How many it can do with; none while the stock is good for a while. */
    room(): number {
      if (waiting.length > places / 2) return 0
      return Math.max(0, places - onTheirWay - waiting.length + (isBehind ? places : 0))
    },

    /** `isAll`: nothing more is due. */
    add(taken: readonly TakenDelivery[], { isAll, now }: { isAll: boolean; now: number }): void {
      isBehind = !isAll
      for (const delivery of taken) waiting.push({ delivery, since: now })
      fill()
    },

    /** Takes out what has waited for too long, or all that waits. */
    giveUp(now = Infinity): TakenDelivery[] {
      const fresh = waiting.findIndex(({ since }) => now - since < longestWaitMs)
      const old = waiting.splice(0, fresh < 0 ? waiting.length : fresh)
      if (old.length > 0) isBehind = false
      return old.map(({ delivery }) => delivery)
    },
  }
}
