/** Makes text of the upstream fit to be shown: no keys, no addresses, no long data, at most 500 characters. */
export type Redact = (text: string) => string

const longestMessage = 500
const hiddenPatterns: readonly [RegExp, string][] = [
  [/AIza[\w-]{20,}/g, "[key]"],
  [/([?&](?:key|access_token)=)[^&\s"']+/gi, "$1[key]"],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, "[address]"],
  [/[\w+/-]{80,}={0,2}/g, "[data]"],
]

/** `keys` are hidden wherever they occur, also keys of other models than the one that was called. */
export function createRedactor(keys: readonly string[]): Redact {
  const secrets = keys.filter((key) => key !== "").toSorted((a, b) => b.length - a.length)
  return (text) => {
    let shown = text
    for (const secret of secrets) shown = shown.replaceAll(secret, "[key]")
    for (const [pattern, sign] of hiddenPatterns) shown = shown.replaceAll(pattern, sign)
    shown = shown.trim()
    return shown.length > longestMessage ? `${shown.slice(0, longestMessage - 1)}…` : shown
  }
}
