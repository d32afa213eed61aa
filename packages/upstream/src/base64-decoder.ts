const blockChars = 64 * 1024
const paddingSign = 0x3d

/** Decodes base64 that arrives in pieces of any length; the bytes given out are valid until the next step. */
export type Base64Decoder = {
  push(chars: Uint8Array): Generator<Uint8Array>
  /** The last bytes. */
  end(): Uint8Array
  /** False once a character was none of base64, or the length cannot be one of base64. */
  isIntact(): boolean
}

/**
 * Takes the standard and the URL-safe alphabet, with or without padding. Memory is constant: characters are
 * gathered into blocks, because a reply that escapes every slash arrives in runs of some sixty characters.
 */
export function createBase64Decoder(): Base64Decoder {
  const chars = Buffer.allocUnsafe(blockChars)
  const bytes = Buffer.allocUnsafe((blockChars / 4) * 3)
  let held = 0
  let intact = true

  /** Node skips what is not base64; then fewer bytes come out than the length promises. */
  function decode(length: number): Uint8Array {
    const expected = Math.floor((length * 3) / 4)
    const written = bytes.write(chars.toString("latin1", 0, length), "base64")
    if (written !== expected || length % 4 === 1) intact = false
    return bytes.subarray(0, written)
  }

  function* push(more: Uint8Array): Generator<Uint8Array> {
    let at = 0
    while (at < more.length) {
      // A full block waits for the next character: the padding is in the last block only.
      if (held === blockChars) {
        yield decode(held)
        held = 0
      }
      const taken = Math.min(more.length - at, blockChars - held)
      chars.set(more.subarray(at, at + taken), held)
      held += taken
      at += taken
    }
  }

  function end(): Uint8Array {
    let length = held
    for (let padding = 0; padding < 2 && length > 0 && chars[length - 1] === paddingSign; padding++) length--
    held = 0
    return decode(length)
  }

  return { push, end, isIntact: () => intact }
}
