/** Does so many at once, and takes no more from the source than that. The first error stops taking and is thrown. */
export async function inParallel<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const errors: unknown[] = []
  const start = (item: Item) => {
    const step = work(item)
      .catch((error: unknown) => void errors.push(error))
      .finally(() => running.delete(step))
    running.add(step)
  }
  try {
    for await (const item of items) {
      start(item)
      if (running.size >= most) await Promise.race(running)
      if (errors.length > 0) break
    }
  } finally {
    await Promise.all(running)
  }
  if (errors.length > 0) throw errors[0]
}
