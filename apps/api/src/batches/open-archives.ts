import { Refusal } from "@kiln/contract"

/** Archives that one process writes at once: each holds a few images in memory. */
const most = 6
/** One tenant leaves room for the others: a slow reader may take hours. */
const mostOfTenant = 3
/** Of the large ones together: an archive ends with a list of its files, some hundred bytes each. */
const mostItems = 100_000
const manyItems = 10_000

type OpenArchives = {
  /** Counts an archive until it is disposed of; throws `unavailable` where there is no room for it. */
  enter(tenant: string, items: number): Disposable
}

/** How many archives are being written, and how large they are. */
export function createOpenArchives(): OpenArchives {
  const open = new Set<{ tenant: string; items: number }>()
  return {
    enter(tenant, items) {
      const own = [...open].filter((each) => each.tenant === tenant).length
      const large = [...open].reduce((sum, each) => sum + (each.items > manyItems ? each.items : 0), 0)
      const isTooLarge = items > manyItems && large > 0 && large + items > mostItems
      if (open.size >= most || own >= mostOfTenant || isTooLarge) {
        throw new Refusal("unavailable", "Too many archives are being written", { retryAfterMs: 5_000 })
      }
      const entry = { tenant, items }
      open.add(entry)
      return { [Symbol.dispose]: () => void open.delete(entry) }
    },
  }
}
