import type { ModelEntry, Parameters, Tokens, Warning } from "@kiln/contract"

/** An image: a file of this machine, or a piece of one, which stays as long as the call lasts. */
export type PaintInput = {
  contentType: string
  path: string
  piece?: { start: number; bytes: number } | undefined
}

/** A part of an answer in the upstream's own form; where it has an image, the image's bytes are a file. */
export type ReplyPart = { part: Readonly<Record<string, unknown>>; image?: PaintInput | undefined }

/** A request of a conversation and its whole answer, as they were. */
export type PaintTurn = { inputs: readonly PaintInput[]; prompt: string; reply: readonly ReplyPart[] }

/** What an answer had in its order: words, and the picture that is kept of it. */
export type PaintedPiece = { type: "text"; text: string } | { type: "image" }

/** One picture to make: one call of the upstream. */
export type PaintRequest = {
  model: ModelEntry
  prompt: string
  parameters: Parameters
  /** In the order in which the prompt speaks of them. */
  inputs: readonly PaintInput[]
  /** What was said before, oldest first; it is said again exactly so. */
  history?: readonly PaintTurn[] | undefined
}

/** What the upstream gave; the picture's bytes are in the file that the caller named. */
export type Painted = {
  bytes: number
  text: string | null
  /** The same text around the picture; absent: there are no words. */
  content?: readonly PaintedPiece[] | undefined
  /** The whole answer, where it was asked for and can be said again. */
  reply?: readonly ReplyPart[] | undefined
  tokens: Tokens
  warnings: Warning[]
  modelVersion: string | null
  responseId: string | null
}

export type PaintOptions = {
  target: string
  signal: AbortSignal
  /** Give the whole answer, too; other images of it are then files whose names begin as `target`'s does. */
  keepReply?: boolean | undefined
  /** Hears when the call itself is about to be written, after all that goes before it. */
  onSent?: (() => void) | undefined
}

/**
 * Makes one picture and writes its bytes, as the upstream sent them, to the file `target`.
 * Throws a JobFailure, or a CallAborted when the signal ended it.
 */
export type Paint = (request: PaintRequest, options: PaintOptions) => Promise<Painted>

/** Files that were uploaded to an upstream and are still there; names hold no secret. It may forget any of them. */
export type UploadedFiles = {
  find(name: string): Promise<string | undefined>
  remember(name: string, uri: string, forMs: number): Promise<void>
}

/** The caller's signal ended a call. `charged` is `no` only when nothing had been sent; the cause is the signal's reason. */
export class CallAborted extends Error {
  override name = "CallAborted"
  readonly charged: "unknown" | "no"

  constructor(options: { charged: "unknown" | "no"; cause: unknown }) {
    super("The call was aborted", { cause: options.cause })
    this.charged = options.charged
  }
}
