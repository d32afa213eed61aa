import { KilnError, KilnUnreachable } from "@kiln/client"
import { CommanderError } from "commander"

/** What scripts decide by; README has the same table. */
export const exitCodes = {
  ok: 0,
  /** Something was not made, or not saved. */
  failed: 1,
  /** The command line, or a file that it names. */
  usage: 2,
  /** Kiln understood and said no: the key, the request, rows of a batch, a budget. */
  refused: 3,
  /** No answer, or none for now. */
  unavailable: 4,
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The command line cannot be used, or a file that it names. */
export class UsageError extends Error {
  override name = "UsageError"
}

/** Rows of a batch that were found to be wrong before anything was sent. */
export class RowsRefused extends Error {
  override name = "RowsRefused"
  readonly rows: readonly RefusedRow[]

  constructor(rows: readonly RefusedRow[]) {
    super(`${rows.length === 1 ? "One row is" : `${rows.length} rows are`} not valid; no batch was made`)
    this.rows = rows
  }
}
export type RefusedRow = {
  line?: number | null | undefined
  custom_id?: string | null | undefined
  pointer: string
  code: string
  detail: string
}

/** The user pressed Ctrl-C. */
export class Interrupted extends Error {
  override name = "Interrupted"
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return exitCodes.interrupted
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof RowsRefused) return exitCodes.refused
  if (error instanceof KilnUnreachable) return exitCodes.unavailable
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (!(error instanceof KilnError)) return exitCodes.failed
  return error.status >= 500 || error.status === 429 ? exitCodes.unavailable : exitCodes.refused
}
