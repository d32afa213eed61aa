/** Names that Windows gives to devices, whatever follows the first dot. */
const devices = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])$/i
const longestSegment = 80
const encoder = new TextEncoder()

/**
 * Names of files in an archive, by the items' own names: safe on every system, never outside of the folder into which
 * the archive is unpacked, and never the same twice where upper and lower case are one.
 */
export function createFileNames(): (customId: string, suffix: string, extension: string) => string {
  const taken = new Set<string>()
  return (customId, suffix, extension) => {
    const segments = customId.split("/").map(safeSegment)
    const name = segments.pop() ?? "_"
    // A folder never has a dot, a file always has one: neither can take the other's name.
    const folder = segments.map((segment) => `${segment.replaceAll(".", "_")}/`).join("")
    for (let n = 1; ; n++) {
      const path = `${folder}${name}${suffix}${n === 1 ? "" : `~${n}`}.${extension}`
      const key = path.normalize("NFKC").toLowerCase()
      if (taken.has(key)) continue
      taken.add(key)
      return path
    }
  }
}

function safeSegment(text: string): string {
  const plain = text
    .normalize("NFC")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}<>:"|?*\\]/gu, "_")
    .replaceAll(/^[\s.]+|[\s.]+$/g, "")
  const cut = cutTo(plain, longestSegment).replaceAll(/[\s.]+$/g, "")
  if (cut === "") return "_"
  return devices.test(cut.split(".", 1)[0] ?? "") ? `_${cut}` : cut
}

/** At most so many bytes of UTF-8, and no half character. */
function cutTo(text: string, bytes: number): string {
  if (encoder.encode(text).length <= bytes) return text
  let cut = ""
  let length = 0
  for (const character of text) {
    length += encoder.encode(character).length
    if (length > bytes) break
    cut += character
  }
  return cut
}
