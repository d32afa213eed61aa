/** One request as the emulator saw it. `status` is 0 while unanswered and after a connection cut on purpose. */
export type Call = {
  at: string
  method: string
  path: string
  model: string | null
  /** The last four characters of the key: enough to tell keys apart, not to use them. */
  key: string | null
  /** 499: the client went away before it was answered. */
  status: number
  scenario: string | null
  durationMs: number | null
}

export type CallLog = {
  open(facts: Pick<Call, "at" | "method" | "path">): Call
  list(): readonly Call[]
  clear(): void
}

/** Makes a record of the last `limit` calls. An entry is visible from the call's arrival and filled in later. */
export function createCallLog({ limit }: { limit: number }): CallLog {
  let calls: Call[] = []
  return {
    open(facts) {
      const call: Call = { ...facts, model: null, key: null, status: 0, scenario: null, durationMs: null }
      calls.push(call)
      if (calls.length > limit) calls = calls.slice(-limit)
      return call
    },
    list: () => calls,
    clear() {
      calls = []
    },
  }
}
