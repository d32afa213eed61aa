import type { Readable } from "node:stream"
import { buffer } from "node:stream/consumers"

import type { KeptOutput } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"

/** Images on their way at once: the store is waited for while another one is written. */
const ahead = 4
/** Larger images are not held in memory but read when their turn comes. */
const mostHeldBytes = 8_000_000

type Content = Uint8Array | Readable
type Read<Picture> = { picture: Picture; content: Content | undefined }

/** The images in their order, some of them read before they are asked for; undefined for one that is gone. */
export async function* readAhead<Picture extends { output: KeptOutput }>(
  pictures: AsyncGenerator<Picture>,
  storage: Pick<Storage, "open">,
  signal: AbortSignal,
): AsyncGenerator<Read<Picture>> {
  const waiting: { picture: Picture; held: Promise<Content | undefined> | undefined }[] = []
  const open = async ({ output }: Picture) => (await storage.open(output.key, { signal }))?.stream
  const hold = async (picture: Picture) => {
    const stream = await open(picture)
    return stream && buffer(stream)
  }
  async function* first(): AsyncGenerator<Read<Picture>> {
    const next = waiting.shift()
    if (next) yield { picture: next.picture, content: await (next.held ?? open(next.picture)) }
  }
  for await (const picture of pictures) {
    const held = picture.output.bytes <= mostHeldBytes ? hold(picture) : undefined
    // Whoever gives up before its turn comes has heard of the trouble already.
    held?.catch(() => undefined)
    waiting.push({ picture, held })
    if (waiting.length > ahead) yield* first()
  }
  while (waiting.length > 0) yield* first()
}
