import { unusableReply } from "./unusable-reply.ts"

type Frame = { isObject: boolean; name: string; key: string; expectsKey: boolean }

const quote = 0x22
const backslash = 0x5c
const blobOwners = new Set(["inlineData", "inline_data"])
/** Where Imagen puts its images. */
const predictedBytes = new Set(["bytesBase64Encoded", "bytes_base64_encoded"])
/** The longest key that matters has twenty letters, each of which may be written as an escape. */
const longestKey = 120
const deepest = 64

/**
 * Follows JSON byte by byte as far as to know in which object it is; whoever parses the text validates it.
 * Throws `upstream_error` for nesting beyond 64 levels.
 */
export function createJsonWalker(): {
  /** True when the byte opens the string of an image; that string is then not walked, its closing quote included. */
  step(byte: number): boolean
} {
  const frames: Frame[] = []
  let mode: "outside" | "key" | "string" = "outside"
  let isEscaped = false
  let key = ""

  function stepOutside(byte: number): boolean {
    const top = frames.at(-1)
    switch (byte) {
      case 0x7b: // {
      case 0x5b: // [
        if (frames.length >= deepest) throw unusableReply("The model's answer is nested too deeply")
        frames.push({ isObject: byte === 0x7b, name: top?.key ?? "", key: "", expectsKey: byte === 0x7b })
        return false
      case 0x7d: // }
      case 0x5d: // ]
        frames.pop()
        return false
      case 0x2c: // ,
        if (top) top.expectsKey = top.isObject
        return false
      case quote:
        if (isBlob(top)) return true
        key = ""
        mode = top?.expectsKey ? "key" : "string"
        return false
      default:
        return false
    }
  }

  function stepString(byte: number): void {
    if (byte === quote && !isEscaped) {
      const top = frames.at(-1)
      if (mode === "key" && top) Object.assign(top, { key: nameOf(key), expectsKey: false })
      mode = "outside"
      return
    }
    isEscaped = !isEscaped && byte === backslash
    if (mode === "key" && key.length <= longestKey) key += String.fromCharCode(byte)
  }

  return {
    step(byte) {
      if (mode === "outside") return stepOutside(byte)
      stepString(byte)
      return false
    },
  }
}

const isBlob = (frame: Frame | undefined): boolean =>
  frame !== undefined &&
  !frame.expectsKey &&
  (frame.key === "data" ? blobOwners.has(frame.name) : predictedBytes.has(frame.key))

function nameOf(raw: string): string {
  if (!raw.includes("\\")) return raw
  try {
    return String(JSON.parse(`"${raw}"`))
  } catch {
    return ""
  }
}
