const nothing = new Uint8Array(0)
/** No character of base64, so that the decoder sees the damage. */
const invalid = Uint8Array.of(0)
const lineBreaks = new Set(["\\n", "\\r", "\\t"])

/** The byte that a JSON escape inside base64 stands for: none for white space, undefined until the escape is whole. */
export function unescapeByte(escape: string): Uint8Array | undefined {
  if (escape === "\\/") return Uint8Array.of(0x2f)
  if (lineBreaks.has(escape)) return nothing
  if (!escape.startsWith("\\u")) return invalid
  if (escape.length < 6) return undefined
  const code = /^\\u[0-9a-fA-F]{4}$/.test(escape) ? Number.parseInt(escape.slice(2), 16) : 0
  return code < 0x80 ? Uint8Array.of(code) : invalid
}
