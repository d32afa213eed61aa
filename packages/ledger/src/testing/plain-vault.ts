import type { Vault } from "../vault.ts"

/** A vault that hides nothing but holds to its context. */
export const plainVault: Vault = {
  seal: (text, context) => JSON.stringify({ text, context }),
  open(sealed, context) {
    const kept = JSON.parse(sealed) as { text: string; context: string }
    if (kept.context !== context) throw new Error(`Sealed for ${kept.context}, not for ${context}`)
    return kept.text
  },
}
