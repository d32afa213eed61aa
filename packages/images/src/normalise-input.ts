import { open, rm, stat } from "node:fs/promises"

import { JobFailure } from "@kiln/contract"
import type { FormatEnum, Metadata, Sharp } from "sharp"

import { decodeWhole, openImage } from "./decode-image.ts"
import { heifSize } from "./heif-size.ts"
import { inTurn } from "./in-turn.ts"
import { keepFile, measureFile } from "./keep-file.ts"
import { isRecording, nameBytes, nameFile } from "./name-file.ts"
import { contentTypeOf, type OutputFormat } from "./output-format.ts"
import { sniff, type ImageType } from "./sniff.ts"
import { tiffPages } from "./tiff-pages.ts"

export type NormaliseInputOptions = {
  /** A file with bytes that a caller sent; it stays. */
  source: string
  /** The file to write, as a hard link to `source` where nothing needs changing. */
  target: string
  /** In pixels; what is longer is scaled down, except HEIC and HEIF. */
  longestEdge?: number | undefined
  pixelLimit?: number | undefined
  byteLimit?: number | undefined
  signal?: AbortSignal | undefined
}

export type NormalisedInput = {
  contentType: "image/png" | "image/jpeg" | "image/webp" | "image/heic" | "image/heif"
  width: number
  height: number
  bytes: number
  sha256: string
  converted: boolean
}

type Limits = { longestEdge: number; pixelLimit: number; byteLimit: number }
type Normalised = Pick<NormalisedInput, "contentType" | "width" | "height" | "converted">
// Opening so many takes a tenth of a second.
const mostPages = 1_000
// More than its pixels as they are, and a large colour profile beside them.
const mostBytesAPixel = 8
const mostBytesBeside = 2_000_000

type DecodableType = Exclude<ImageType, "image/heic" | "image/heif">

/**
 * Makes an image that a caller sent into one that models read: PNG, JPEG and WebP that are upright and small enough
 * stay byte for byte, AVIF, TIFF and GIF are converted, HEIC and HEIF are passed on. The type is told by the first
 * bytes, the size by the header before anything is decoded. Throws `input_unreadable` when the file is at fault.
 */
export async function normaliseInput(options: NormaliseInputOptions): Promise<NormalisedInput> {
  const { source, target, signal } = options
  const { longestEdge = 3072, pixelLimit = 100_000_000, byteLimit = 100_000_000 } = options
  const limits = { longestEdge, pixelLimit, byteLimit }
  try {
    const { type, isBare } = await recognise(source, limits)
    const made = await inTurn(
      () =>
        type === "image/heic" || type === "image/heif"
          ? passOn(type, source, target, limits)
          : makeReadable({ type, isBare, source, target, limits }),
      signal,
    )
    return { ...made, ...(await measureFile(target, signal)) }
  } catch (error) {
    await rm(target, { force: true })
    if (signal?.aborted) throw signal.reason
    if (error instanceof JobFailure) throw error
    throw new JobFailure("internal", "An input image could not be read or written here", { cause: error })
  }
}

/** The true type, and whether the file ends where its image does: what is behind is lost when it is written anew. */
async function recognise(path: string, { byteLimit }: Limits): Promise<{ type: ImageType; isBare: boolean }> {
  await using file = await open(path, "r")
  const { size } = await file.stat()
  if (size > byteLimit) throw unreadable(`The input image has ${size} bytes; up to ${byteLimit} are accepted`)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(nameBytes), 0, nameBytes, 0)
  const head = buffer.subarray(0, bytesRead)
  const type = sniff(head)
  if (type === undefined) {
    throw new JobFailure(
      "input_unreadable",
      `The input image is ${nameFile(head)}; PNG, JPEG, WebP, HEIC, AVIF, TIFF and GIF are accepted`,
      isRecording(head) ? { reason: "audio_or_video" } : {},
    )
  }
  const tail = await file.read(Buffer.alloc(8), 0, 8, Math.max(0, size - 8))
  return { type, isBare: endsRight(type, { head, tail: tail.buffer, size }) }
}

function endsRight(
  type: ImageType,
  { head, tail, size }: { head: Buffer; tail: Buffer; size: number },
): boolean {
  if (type === "image/png") return tail.toString("latin1", 0, 4) === "IEND"
  if (type === "image/jpeg") return tail.toString("latin1", 6) === "\xff\xd9"
  // The length in the first chunk counts neither its name nor itself; chunks end at even bytes.
  return type !== "image/webp" || head.readUInt32LE(4) + 8 === size
}

async function passOn(
  type: "image/heic" | "image/heif",
  source: string,
  target: string,
  limits: Limits,
): Promise<Normalised> {
  const size = await heifSize(source)
  if (size === undefined) throw damaged()
  checkPixels(size, limits)
  await keepFile(source, target)
  return { contentType: type, ...size, converted: false }
}

async function makeReadable({
  type,
  isBare,
  source,
  target,
  limits,
}: {
  type: DecodableType
  isBare: boolean
  source: string
  target: string
  limits: Limits
}): Promise<Normalised> {
  if (type === "image/tiff" && (await tiffPages(source, mostPages + 1)) > mostPages) {
    throw unreadable(`The input image has more than ${mostPages} pages`)
  }
  const header = await readHeader(source, type, limits)
  const format = formatFor(type, header)
  const contentType = contentTypeOf(format)
  if (contentType === type && isBare && isPlain(header, limits) && (await isLean(source, header))) {
    await unlessDamaged(decodeWhole(source, limits.pixelLimit))
    await keepFile(source, target)
    return { contentType, width: header.width, height: header.height, converted: false }
  }
  const { width, height } = await convert(source, target, format, limits)
  return { contentType, width, height, converted: true }
}

/** Opens the file without decoding its pixels, and makes sure that the decoder sees what we see. */
async function readHeader(source: string, type: DecodableType, limits: Limits): Promise<Metadata> {
  const header = await unlessDamaged(openImage(source, false).metadata())
  if (header.format !== decoders[type]) throw damaged()
  checkPixels(header, limits)
  return header
}

const decoders: Record<DecodableType, keyof FormatEnum> = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/tiff": "tiff",
  "image/avif": "heif",
}

function formatFor(type: DecodableType, { hasAlpha }: Metadata): OutputFormat {
  if (type === "image/jpeg") return "jpeg"
  if (type === "image/webp") return "webp"
  return type === "image/avif" && !hasAlpha ? "jpeg" : "png"
}

/** Upright, one frame, eight bits, RGB or grey, and no larger than wanted. */
function isPlain(header: Metadata, { longestEdge }: Limits): boolean {
  const { orientation = 1, pages = 1, depth, space, width, height } = header
  const isUsual = depth === "uchar" && (space === "srgb" || space === "b-w")
  return orientation === 1 && pages === 1 && isUsual && Math.max(width, height) <= longestEdge
}

/** Whether the file is mostly image: what is far heavier than its pixels would be sent to the upstream as it is. */
async function isLean(source: string, { width, height }: Metadata): Promise<boolean> {
  const { size } = await stat(source)
  return size <= width * height * mostBytesAPixel + mostBytesBeside
}

async function convert(
  source: string,
  target: string,
  format: OutputFormat,
  { longestEdge, pixelLimit }: Limits,
): Promise<{ width: number; height: number }> {
  const fitting = openImage(source, pixelLimit)
    .autoOrient()
    .resize({ width: longestEdge, height: longestEdge, fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
  try {
    return await encoders[format](fitting).toFile(target)
  } catch (error) {
    // The error does not say whose it is: when the source decodes, it is our disk's.
    await unlessDamaged(decodeWhole(source, pixelLimit))
    throw error
  }
}

const encoders: Record<OutputFormat, (image: Sharp) => Sharp> = {
  // See `finishImage` for the level.
  png: (image) => image.png({ compressionLevel: 3, adaptiveFiltering: true }),
  jpeg: (image) => image.jpeg({ quality: 95 }),
  webp: (image) => image.webp({ quality: 95 }),
}

function checkPixels({ width, height }: { width: number; height: number }, { pixelLimit }: Limits): void {
  if (width * height <= pixelLimit) return
  throw unreadable(
    `The input image has ${width} × ${height} pixels; up to ${pixelLimit / 1e6} million are accepted`,
  )
}

async function unlessDamaged<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding
  } catch (cause) {
    throw damaged(cause)
  }
}

function damaged(cause?: unknown): JobFailure {
  return unreadable("The input image is damaged or cut off", cause)
}

function unreadable(sentence: string, cause?: unknown): JobFailure {
  return new JobFailure("input_unreadable", sentence, cause === undefined ? {} : { cause })
}
