/** Keeps secrets unreadable in Redis; the context has to be the same at opening as at sealing. */
export type Vault = {
  seal(text: string, context: string): string
  /** Throws when it was sealed under another key or for another context. */
  open(sealed: string, context: string): string
}

/** For processes that have nothing to do with webhooks. */
export const noVault: Vault = {
  seal: () => {
    throw new Error("This ledger was opened without a key for secrets")
  },
  open: () => {
    throw new Error("This ledger was opened without a key for secrets")
  },
}
