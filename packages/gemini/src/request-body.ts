import { randomUUID } from "node:crypto"

import { JobFailure } from "@kiln/contract"
import type { PaintInput, PaintRequest } from "@kiln/jobs"
import type { RequestBody, StreamedBody } from "@kiln/upstream"

import { base64Of, sizeOf } from "./image-bytes.ts"
import { toRequestBody } from "./request.ts"

/** The upstream takes 20 MB in all; the rest is for what a gateway may add. */
const mostBytes = 19_000_000

/** Uploads an image, unless the upstream has it already, and answers its address there. */
type Upload = (image: PaintInput) => Promise<string>

/** The body of generateContent for words alone. */
export const plainBody = (request: PaintRequest): RequestBody =>
  Buffer.from(JSON.stringify(toRequestBody(request)))

/**
 * The body of generateContent. Its images are in base64, read from their files as it is sent: it is never in memory as
 * a whole. Where that comes to more than the upstream takes, the callers' images are uploaded, the largest first, and
 * then those of earlier answers, the oldest first. Throws `invalid_request` when even that is not enough.
 */
export async function requestBody(request: PaintRequest, upload: Upload): Promise<RequestBody> {
  const images = await imagesOf(request)
  const uploaded = new Map<PaintInput, string>()
  let bytes = Buffer.byteLength(JSON.stringify(toRequestBody(request)))
  for (const image of images) bytes += encodedBytes(image)
  for (const image of byTurn(images)) {
    if (bytes <= mostBytes) break
    bytes -= encodedBytes(image)
    uploaded.set(image.input, await upload(image.input))
  }
  const body = streamed(request, uploaded, new Map(images.map(({ input, size }) => [input, size])))
  if (body.bytes > mostBytes) throw tooLarge(body.bytes)
  return body
}

type Sized = { input: PaintInput; size: number; isAnswer: boolean }

const sized = async (input: PaintInput, isAnswer: boolean): Promise<Sized> => ({
  input,
  isAnswer,
  size: await sizeOf(input),
})

/** All images of a request, in the order of its turns. */
async function imagesOf({ inputs, history = [] }: PaintRequest): Promise<Sized[]> {
  const earlier = history.flatMap(({ inputs: given, reply }) => [
    ...given.map((input) => sized(input, false)),
    ...reply.flatMap(({ image }) => (image ? [sized(image, true)] : [])),
  ])
  return Promise.all([...earlier, ...inputs.map((input) => sized(input, false))])
}

/** The order in which images are uploaded. */
const byTurn = (images: readonly Sized[]): Sized[] => [
  ...images.filter(({ isAnswer }) => !isAnswer).toSorted((a, b) => b.size - a.size),
  ...images.filter(({ isAnswer }) => isAnswer),
]

const base64Bytes = (size: number): number => 4 * Math.ceil(size / 3)
const encodedBytes = ({ size }: Sized): number => base64Bytes(size)

function streamed(
  request: PaintRequest,
  uploaded: ReadonlyMap<PaintInput, string>,
  sizes: ReadonlyMap<PaintInput, number>,
): StreamedBody {
  const mark = randomUUID()
  const inline: PaintInput[] = []
  const body = toRequestBody(request, (image) => {
    const fileUri = uploaded.get(image)
    if (fileUri !== undefined) return { fileUri }
    inline.push(image)
    return { data: mark }
  })
  const between = JSON.stringify(body)
    .split(mark)
    .map((text) => Buffer.from(text))
  const encoded = inline.reduce((sum, image) => sum + base64Bytes(sizes.get(image) ?? 0), 0)
  return {
    bytes: between.reduce((sum, { length }) => sum + length, encoded),
    async *chunks() {
      for (const [index, text] of between.entries()) {
        yield text
        const image = inline[index]
        if (image) yield* base64Of(image)
      }
    },
  }
}

function tooLarge(bytes: number): JobFailure {
  const inMb = (bytes / 1e6).toFixed(1)
  const sentence = `Without its images the request has ${inMb} MB; up to ${mostBytes / 1e6} MB can be sent`
  return new JobFailure("invalid_request", sentence)
}
