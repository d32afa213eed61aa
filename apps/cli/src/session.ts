import type { Client } from "@kiln/client"

import type { Terminal } from "./terminal.ts"

/** One run of a command. */
export type Session = {
  client: Client
  url: string
  terminal: Terminal
  /** Aborted by Ctrl-C, with Interrupted. */
  signal: AbortSignal
  /** Says what Ctrl-C leaves behind, and how to come back to it. */
  onInterrupt(words: string): void
}
