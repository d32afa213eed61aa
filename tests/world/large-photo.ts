import { randomBytes } from "node:crypto"

function box(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = parts.map((part) => (part instanceof Uint8Array ? part : Uint8Array.from(part)))
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.reduce((sum, { length }) => sum + length, 8))
  head.write(type, 4, "latin1")
  return Buffer.concat([head, ...body])
}

const u32 = (...values: number[]): number[] =>
  values.flatMap((value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff))

/** A HEIC of about so many bytes: the one kind of image that stays as large as it was given. */
export function largePhoto(bytes: number): Buffer<ArrayBuffer> {
  const properties = box(
    "iprp",
    box("ipco", box("ispe", u32(0, 4_032, 3_024))),
    box("ipma", u32(0), u32(1), [0, 1, 1, 0x81]),
  )
  return Buffer.concat([
    box("ftyp", Buffer.from("heic"), u32(0), Buffer.from("mif1heic")),
    box("meta", u32(0), box("hdlr", u32(0, 0)), box("pitm", [0, 0, 0, 0], [0, 1]), properties),
    box("mdat", randomBytes(bytes)),
  ])
}
