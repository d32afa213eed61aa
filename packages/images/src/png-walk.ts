import { crc32 } from "node:zlib"

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const headBytes = 8
const crcBytes = 4

/**
 * Follows a PNG chunk by chunk (PNG specification, section 5.3) while its bytes pass by, in any pieces. Every chunk
 * has a checksum, so a file whose checksums are right up to its end is what its encoder wrote, at a fortieth of the
 * cost of decoding it.
 */
export function createPngWalk(): { push(bytes: Buffer): void; isWhole(): boolean } {
  let small = Buffer.alloc(0)
  let wanted = signature.length
  let step: "signature" | "head" | "data" | "crc" | "end" | "broken" = "signature"
  let dataLeft = 0
  let crc = 0
  let isLast = false

  function take(field: Buffer): void {
    if (step === "signature") {
      expect(field.equals(signature), "head", headBytes)
    } else if (step === "head") {
      dataLeft = field.readUInt32BE(0)
      isLast = field.toString("latin1", 4) === "IEND"
      crc = crc32(field.subarray(4))
      step = "data"
    } else {
      expect(field.readUInt32BE(0) === crc, isLast ? "end" : "head", headBytes)
    }
  }

  function expect(isRight: boolean, next: "head" | "end", bytes: number): void {
    step = isRight ? next : "broken"
    wanted = bytes
  }

  return {
    push(bytes) {
      let at = 0
      while (at < bytes.length && step !== "broken" && step !== "end") {
        if (step === "data") {
          const data = bytes.subarray(at, at + dataLeft)
          crc = crc32(data, crc)
          dataLeft -= data.length
          at += data.length
        } else {
          const field = bytes.subarray(at, at + wanted - small.length)
          at += field.length
          small = Buffer.concat([small, field])
          if (small.length < wanted) return
          const whole = small
          small = Buffer.alloc(0)
          take(whole)
        }
        if (step === "data" && dataLeft === 0) {
          step = "crc"
          wanted = crcBytes
        }
      }
    },
    isWhole: () => step === "end",
  }
}
