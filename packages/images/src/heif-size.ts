import { open, type FileHandle } from "node:fs/promises"

type Size = { width: number; height: number }
type Box = { type: string; body: Buffer }

// A photo with hundreds of tiles has some ten kilobytes of metadata and a handful of boxes.
const largestMetaBytes = 2 ** 20
const mostBoxes = 1000

/**
 * The size of the primary image of a HEIF container (ISO/IEC 23008-12) as it is shown, read from its boxes: what is
 * inside cannot be decoded here. Undefined when the boxes are damaged, or reach beyond the end of the file.
 */
export async function heifSize(path: string): Promise<Size | undefined> {
  await using file = await open(path, "r")
  try {
    const meta = await findMeta(file)
    return meta === undefined ? undefined : primarySize(meta)
  } catch (error) {
    // Reading beyond a buffer's end throws the same as our own checks.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Walks over all outer boxes, so that a file cut in its picture data is found out as well. */
async function findMeta(file: FileHandle): Promise<Buffer | undefined> {
  const { size } = await file.stat()
  let meta: Buffer | undefined
  let hasData = false
  for (let at = 0, count = 0; at < size; count += 1) {
    if (count === mostBoxes) throw new RangeError("Too many boxes")
    const head = await read(file, at, Math.min(16, size - at))
    const { type, headBytes, bytes } = boxHead(head, size - at)
    if (type === "meta") {
      if (bytes > largestMetaBytes) throw new RangeError("The metadata are too large")
      meta ??= await read(file, at + headBytes, bytes - headBytes)
    }
    hasData ||= type === "mdat"
    at += bytes
  }
  return hasData ? meta : undefined
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}

/** A size of 1 stands for one of 64 bits that follows, 0 for all that is left. */
function boxHead(head: Buffer, left: number): { type: string; headBytes: number; bytes: number } {
  const short = head.readUInt32BE(0)
  const type = head.toString("latin1", 4, 8)
  const headBytes = short === 1 ? 16 : 8
  const bytes = short === 1 ? Number(head.readBigUInt64BE(8)) : short === 0 ? left : short
  if (bytes < headBytes || bytes > left) throw new RangeError(`The box ${JSON.stringify(type)} is damaged`)
  return { type, headBytes, bytes }
}

function boxesIn(bytes: Buffer): Box[] {
  const boxes: Box[] = []
  for (let at = 0; at < bytes.length;) {
    const box = boxHead(bytes.subarray(at), bytes.length - at)
    boxes.push({ type: box.type, body: bytes.subarray(at + box.headBytes, at + box.bytes) })
    at += box.bytes
  }
  return boxes
}

function primarySize(meta: Buffer): Size {
  const boxes = boxesIn(meta.subarray(4))
  const primary = primaryItem(one(boxes, "pitm"))
  const properties = boxesIn(one(boxes, "iprp"))
  const container = boxesIn(one(properties, "ipco"))
  const own = properties
    .filter(({ type }) => type === "ipma")
    .flatMap(({ body }) => propertiesOf(primary, body))
    .map((index) => container[index - 1])
  const extent = own.find((box) => box?.type === "ispe")?.body
  if (extent === undefined) throw new RangeError("The primary image has no size")
  const [width, height] = [extent.readUInt32BE(4), extent.readUInt32BE(8)]
  if (width === 0 || height === 0) throw new RangeError("The primary image has no pixels")
  const quarters = own.find((box) => box?.type === "irot")?.body.readUInt8(0) ?? 0
  return quarters % 2 === 1 ? { width: height, height: width } : { width, height }
}

function primaryItem(pitm: Buffer): number {
  return pitm.readUInt8(0) === 0 ? pitm.readUInt16BE(4) : pitm.readUInt32BE(4)
}

/** The property indices of one item in an `ipma` box; from version 1 ids, with flag 1 indices, are twice as wide. */
function propertiesOf(item: number, ipma: Buffer): number[] {
  const idBytes = ipma.readUInt8(0) === 0 ? 2 : 4
  const indexBytes = (ipma.readUInt8(3) & 1) + 1
  const essentialBit = 2 ** (indexBytes * 8 - 1)
  const indices: number[] = []
  for (let at = 8, entries = ipma.readUInt32BE(4); entries > 0; entries -= 1) {
    const id = ipma.readUIntBE(at, idBytes)
    const count = ipma.readUInt8(at + idBytes)
    at += idBytes + 1
    for (let n = 0; n < count; n += 1, at += indexBytes) {
      const index = ipma.readUIntBE(at, indexBytes) % essentialBit
      if (id === item) indices.push(index)
    }
  }
  return indices
}

function one(boxes: readonly Box[], wanted: string): Buffer {
  const found = boxes.find(({ type }) => type === wanted)
  if (found === undefined) throw new RangeError(`There is no ${wanted}`)
  return found.body
}
