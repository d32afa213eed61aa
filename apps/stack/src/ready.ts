import { setTimeout as delay } from "node:timers/promises"

const POLL_MS = 100
/** Longer than `/readyz` takes at the most to say what is wrong. */
const ANSWER_TIMEOUT_MS = 5000

/** Waits until GET `url` answers (with 200 if `isOk`), or throws what the last try found. */
export async function untilReady({
  url,
  isOk,
  timeoutMs,
  signal,
}: {
  url: string
  isOk: boolean
  timeoutMs: number
  signal: AbortSignal
}): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await ask(url, isOk)
    if (found === undefined) return
    if (Date.now() > deadline) throw new Error(`${url} was not ready in ${timeoutMs / 1000} s: ${found}`)
    await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Undefined if ready, otherwise what is wrong. */
async function ask(url: string, isOk: boolean): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    const body = await answer.text()
    return !isOk || answer.ok ? undefined : `${answer.status} ${body.slice(0, 500)}`
  } catch (error) {
    return error instanceof Error ? error.message : "no answer"
  }
}
