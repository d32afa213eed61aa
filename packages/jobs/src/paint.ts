import type { ModelEntry, Parameters, Tokens, Warning } from "@kiln/contract"

/** An input image: a file of this machine, which stays as long as the call lasts. */
export type PaintInput = { contentType: string; path: string }

/** One picture to make: one call of the upstream. */
export type PaintRequest = {
  model: ModelEntry
  prompt: string
  parameters: Parameters
  /** In the order in which the prompt speaks of them. */
  inputs: readonly PaintInput[]
}

/** What the upstream gave; the picture's bytes are in the file that the caller named. */
export type Painted = {
  bytes: number
  text: string | null
  tokens: Tokens
  warnings: Warning[]
  modelVersion: string | null
  responseId: string | null
}

/**
 * Makes one picture and writes its bytes, as the upstream sent them, to the file `target`.
 * Throws a JobFailure, or a CallAborted when the signal ended it.
 */
export type Paint = (
  request: PaintRequest,
  options: { target: string; signal: AbortSignal },
) => Promise<Painted>

/** The caller's signal ended a call. `charged` is `no` only when nothing had been sent; the cause is the signal's reason. */
export class CallAborted extends Error {
  override name = "CallAborted"
  readonly charged: "unknown" | "no"

  constructor(options: { charged: "unknown" | "no"; cause: unknown }) {
    super("The call was aborted", { cause: options.cause })
    this.charged = options.charged
  }
}
