/** A box of the ISO base media format: its size, its type and what is in it. */
export function box(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)))
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(type, 4, "latin1")
  return Buffer.concat([head, body])
}

export function u32(...values: number[]): number[] {
  return values.flatMap((value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff))
}

export type HeifOptions = {
  width?: number
  height?: number
  quarters?: number
  brand?: string
  wide?: boolean
}

/**
 * A HEIC as a phone writes it: tiles of 512 pixels are the first properties, the primary image is item 49 with a size
 * and a turn of its own. `wide` takes the versions of the boxes with longer ids and indices.
 */
export function heif(options: HeifOptions = {}): Buffer {
  const { width = 4032, height = 3024, quarters = 0, brand = "heic", wide = false } = options
  const version = wide ? 1 : 0
  const id = (item: number) => (wide ? u32(item) : [0, item])
  const index = (property: number) => (wide ? [0x80, property] : [0x80 | property])
  const properties = box(
    "iprp",
    box(
      "ipco",
      box("ispe", u32(0, 512, 512)),
      box("hvcC", [1, 2, 3]),
      box("ispe", u32(0, width, height)),
      box("irot", [quarters]),
    ),
    box(
      "ipma",
      [version, 0, 0, version],
      u32(2),
      [...id(1), 2, ...index(1), ...index(2)],
      [...id(49), 2, ...index(3), ...index(4)],
    ),
  )
  return Buffer.concat([
    box("ftyp", Buffer.from(brand), u32(0), Buffer.from(`mif1${brand}`)),
    box("meta", u32(0), box("hdlr", u32(0, 0)), box("pitm", [version, 0, 0, 0], id(49)), properties),
    box("mdat", Buffer.alloc(4000, 0xab)),
  ])
}
