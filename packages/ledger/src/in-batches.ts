type Options<Item, Answer> = {
  /** Answers for each item, in their order. */
  run: (items: readonly Item[]) => Promise<readonly Answer[]>
  /** Items of one run. */
  most: number
}

type Waiting<Item, Answer> = {
  item: Item
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/**
 * Runs together what is asked for in the same turn of the event loop, or while the run before is under way: nothing
 * waits for more to come. A run that fails rejects its items.
 */
export function inBatches<Item, Answer>({ run, most }: Options<Item, Answer>) {
  const waiting: Waiting<Item, Answer>[] = []
  let isRunning = false

  async function runSome(): Promise<void> {
    const some = waiting.splice(0, most)
    try {
      const answers = await run(some.map(({ item }) => item))
      for (const [index, { resolve, reject }] of some.entries()) {
        const answer = answers[index]
        if (answer === undefined) reject(new Error("A step of several gave too few answers"))
        else resolve(answer)
      }
    } catch (error) {
      for (const { reject } of some) reject(error)
    }
  }

  async function runAll(): Promise<void> {
    while (waiting.length > 0) await runSome()
    isRunning = false
  }

  return (item: Item): Promise<Answer> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (isRunning) return
      isRunning = true
      setImmediate(() => void runAll())
    })
}
