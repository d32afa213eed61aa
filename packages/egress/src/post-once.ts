import type { Dispatcher } from "undici"

import { whenAborted } from "./when-aborted.ts"

export type Answer = {
  kind: "answered"
  status: number
  retryAfter: string | undefined
  /** The beginning of the answer, at most 1 KB of it. */
  text: string
}

export type Sending = {
  target: { origin: string; path: string; host: string }
  headers: Readonly<Record<string, string>>
  body: string
  /** Ends it; after the head of the answer has come no error follows. */
  signal: AbortSignal | undefined
  /** For everything from the resolver to the head of the answer. */
  timeoutMs: number
  /** For the rest of it. */
  answerMs: number
}

const mostRead = 64 * 1024
const mostKept = 1024
/** What a post is rejected with whose time was over. */
export const deadlineReason = new Error("The time for an answer is over")
const cut = new Error("No more of this answer is read")
const decoder = new TextDecoder()

/**
 * One POST. Short answers are read whole, so that the connection can be used again; of long or slow ones it is cut, as
 * the head has said what counts. There are no streams in it, as they would cost more than all the rest.
 */
export function postOnce(dispatcher: Dispatcher, sending: Sending): Promise<Answer> {
  const { target, headers, body } = sending
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(
      {
        origin: target.origin,
        method: "POST",
        path: target.path,
        headers: { ...headers, "accept-encoding": "identity" },
        body,
        // Ours is the one that counts.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      receiving(sending, { resolve, reject }),
    )
  })
}

type Settle = { resolve: (answer: Answer) => void; reject: (error: unknown) => void }

function receiving(
  { signal, timeoutMs, answerMs }: Sending,
  { resolve, reject }: Settle,
): Dispatcher.DispatchHandler {
  const beginning = createBeginning()
  let head: Pick<Answer, "status" | "retryAfter"> | undefined
  let controller: Dispatcher.DispatchController | undefined
  let isOver = false

  function finish(error?: unknown): void {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    forget?.()
    if (head) resolve({ kind: "answered", ...head, text: beginning.text() })
    else reject(error)
  }
  function leave(reason: unknown): void {
    finish(reason)
    controller?.abort(cut)
  }
  let timer = setTimeout(leave, timeoutMs, deadlineReason)
  const forget = signal && whenAborted(signal, () => leave(signal.reason))
  return {
    onRequestStart(control) {
      controller = control
      if (isOver) control.abort(cut)
    },
    onResponseStart(_control, status, { "retry-after": retryAfter }) {
      // 103 and its like come before the answer.
      if (status < 200) return
      head = { status, retryAfter: typeof retryAfter === "string" ? retryAfter : retryAfter?.[0] }
      clearTimeout(timer)
      timer = setTimeout(leave, answerMs)
    },
    onResponseData(_control, chunk) {
      if (beginning.add(chunk) > mostRead) leave(cut)
    },
    onResponseEnd: () => finish(),
    onResponseError: (_control, error) => finish(error),
  }
}

function createBeginning() {
  const kept: Uint8Array[] = []
  let bytes = 0
  return {
    /** Gives the bytes that have come up to now. */
    add(chunk: Uint8Array): number {
      if (bytes < mostKept) kept.push(chunk.subarray(0, mostKept - bytes))
      bytes += chunk.length
      return bytes
    },
    text: () => (kept.length === 0 ? "" : decoder.decode(Buffer.concat(kept))),
  }
}
