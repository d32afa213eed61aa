/** A map that forgets its least recently used entries beyond a total weight. */
export type BoundedMap<Value> = {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  clear(): void
}

/** Makes a bounded map; `weigh` defaults to 1 an entry. An entry above the limit is not kept at all. */
export function createBoundedMap<Value>(options: {
  limit: number
  weigh?: (value: Value) => number
}): BoundedMap<Value> {
  const weigh = options.weigh ?? (() => 1)
  const entries = new Map<string, Value>()
  let total = 0
  const forget = (key: string) => {
    const value = entries.get(key)
    if (value === undefined) return
    entries.delete(key)
    total -= weigh(value)
  }
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set(key, value) {
      forget(key)
      if (weigh(value) > options.limit) return
      entries.set(key, value)
      total += weigh(value)
      for (const oldest of entries.keys()) {
        if (total <= options.limit) break
        forget(oldest)
      }
    },
    clear() {
      entries.clear()
      total = 0
    },
  }
}
