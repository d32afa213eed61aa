import { createReadStream, createWriteStream } from "node:fs"
import { stat } from "node:fs/promises"
import { pipeline } from "node:stream/promises"

import { z } from "zod"

/**
 * What was asked and answered for one image, in one object: a line with the length of the header, the header as JSON,
 * and the answer's images as the upstream sent them. An image that was stored unchanged as the output is not in it.
 */
const TurnHeader = z.object({
  upstream: z.string(),
  /** Keys of the turns before this one, oldest first. */
  history: z.array(z.string()).max(100),
  prompt: z.string(),
  inputs: z.array(z.object({ key: z.string(), contentType: z.string() })),
  reply: z.array(z.object({ part: z.record(z.string(), z.unknown()), image: z.int().min(0).optional() })),
  images: z.array(
    z.object({ contentType: z.string(), bytes: z.int().positive(), key: z.string().optional() }),
  ),
  /** The answer's words around its picture. */
  content: z.array(
    z.union([
      z.object({ type: z.literal("text"), text: z.string() }),
      z.object({ type: z.literal("image") }),
    ]),
  ),
})
type TurnHeader = z.infer<typeof TurnHeader>

const firstLine = /^kiln-turn 1 (\d{1,8})\n/
const longestFirstLine = 32
/** An answer has 8 MB beside its images at the most. */
const longestHeaderBytes = 32_000_000

/** Writes a turn; `paths` are the images that go into it, in the header's order. Answers its length. */
export async function writeTurn(
  target: string,
  header: TurnHeader,
  paths: readonly string[],
): Promise<number> {
  const json = Buffer.from(JSON.stringify(header))
  await pipeline(async function* () {
    yield Buffer.from(`kiln-turn 1 ${json.length}\n`)
    yield json
    for (const path of paths) yield* createReadStream(path) as AsyncIterable<Buffer>
  }, createWriteStream(target))
  return (await stat(target)).size
}

/** The header of a turn and where its images begin; undefined for what is no whole turn. */
export async function readTurn(path: string): Promise<{ header: TurnHeader; imagesAt: number } | undefined> {
  const read = await readHeader(createReadStream(path))
  if (!read) return undefined
  const inside = read.header.images.filter(({ key }) => key === undefined)
  const whole = inside.reduce((sum, { bytes }) => sum + bytes, read.imagesAt)
  return (await stat(path)).size === whole ? read : undefined
}

/** The same of a turn that arrives, of which no more is read than that; undefined for what does not begin as one. */
export async function readHeader(
  stream: AsyncIterable<Buffer>,
): Promise<{ header: TurnHeader; imagesAt: number } | undefined> {
  const chunks: Buffer[] = []
  let held = 0
  let imagesAt = longestFirstLine
  let line: RegExpExecArray | null = null
  for await (const chunk of stream) {
    chunks.push(chunk)
    held += chunk.length
    if (!line && held >= longestFirstLine) {
      line = firstLine.exec(Buffer.concat(chunks).toString("latin1", 0, longestFirstLine))
      if (!line || Number(line[1]) > longestHeaderBytes) return undefined
      imagesAt = line[0].length + Number(line[1])
    }
    if (held >= imagesAt) break
  }
  if (!line || held < imagesAt) return undefined
  const json = Buffer.concat(chunks).toString("utf8", line[0].length, imagesAt)
  const header = TurnHeader.safeParse(jsonOf(json))
  return header.success ? { header: header.data, imagesAt } : undefined
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
