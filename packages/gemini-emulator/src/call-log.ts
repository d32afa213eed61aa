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
  /** What the turns of a generation were made of; null for what is none, or was refused for its shape. */
  contents: readonly CallContent[] | null
}

/** One turn, with its parts in their order. */
export type CallContent = { role: string; parts: readonly CallPart[] }

/** A part: its kind, the hash of its image's bytes, and the length of the signature that came with it. */
export type CallPart = {
  kind: "text" | "inline" | "file" | "other"
  sha256: string | null
  signatureBytes: number
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
      const call: Call = {
        ...facts,
        model: null,
        key: null,
        status: 0,
        scenario: null,
        durationMs: null,
        contents: null,
      }
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
