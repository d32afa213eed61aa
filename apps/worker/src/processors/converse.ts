import { JobFailure } from "@kiln/contract"
import type { Painted } from "@kiln/jobs"

import type { Asking, Conversation } from "./conversation.ts"

/** What was painted, and what had been said before. */
export type Called = { asked: Asking; painted: Painted }

/** Calls with the conversation; where the upstream does not accept what was said before, once more without that. */
export async function converse(
  conversation: Conversation,
  call: (asked: Asking) => Promise<Painted>,
): Promise<Called> {
  const asked = conversation.current()
  try {
    return { asked, painted: await call(asked) }
  } catch (error) {
    const isRefused = error instanceof JobFailure && error.refused === "conversation"
    if (!isRefused || asked.history.length === 0) throw error
    await conversation.restart("the upstream no longer accepts what it had signed")
    const anew = conversation.current()
    return { asked: anew, painted: await call(anew) }
  }
}
