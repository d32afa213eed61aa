import { setTimeout as sleep } from "node:timers/promises"

/** Asks again and again until the answer is not undefined or false; fails with what was waited for. */
export async function until<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  { withinMs = 60_000, everyMs = 25 } = {},
): Promise<Answer> {
  const endsAt = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > endsAt) throw new Error(`Waited in vain until ${what}`)
    await sleep(everyMs)
  }
}
