import { stat } from "node:fs/promises"

import type { Warning } from "@kiln/contract"
import type { Painted } from "@kiln/jobs"
import type { KeptOutput } from "@kiln/ledger"
import { turnKey, type Storage } from "@kiln/storage"

import { insist } from "../insist.ts"
import type { UpstreamOf } from "../upstream-of.ts"
import type { Asking } from "./conversation.ts"
import type { ImageWork } from "./image-work.ts"
import { writeTurn } from "./turn-file.ts"

export type Made = {
  asked: Asking
  painted: Painted
  output: KeptOutput
  /** The upstream's file, where it was stored as it is. */
  unchanged: string | undefined
  /** A file to write the turn to, on its way to storage. */
  target: string
}
type Deps = { storage: Pick<Storage, "put">; upstreamOf: UpstreamOf }

/** The image is what was paid for: its turn is not tried for longer. */
const keepingMs = 5_000

/**
 * Stores what was asked and answered, so that the image can be refined. A turn that cannot be stored costs the job
 * nothing but a warning: a refinement then begins from the image alone.
 */
export async function keepTurn(work: ImageWork, made: Made, deps: Deps): Promise<Warning[]> {
  const { record, index, run, log } = work
  const { output, target } = made
  if (!made.painted.reply) return []
  const key = turnKey({ ...record, index, sha256: output.sha256 })
  try {
    const body = { path: target, bytes: await write(work, made, deps) }
    const options = { contentType: "application/octet-stream", signal: run.lost }
    await insist(() => deps.storage.put(key, body, options), {
      signal: run.lost,
      lastTry: run.leaving,
      forMs: keepingMs,
      onError: (error) => log.warn({ err: error, key }, "turn not stored yet"),
    })
    return []
  } catch (error) {
    if (run.lost.aborted) throw error
    log.warn({ err: error, key }, "turn not stored")
    const detail = `what the model said with image ${index} was not stored: refining it starts from the image alone`
    return [{ code: "conversation_not_kept", detail }]
  }
}

async function write({ prompt, model }: ImageWork, made: Made, { upstreamOf }: Deps): Promise<number> {
  const { asked, painted, output, unchanged, target } = made
  const reply = painted.reply ?? []
  const files = reply.flatMap(({ image }) => (image ? [image] : []))
  const images = await Promise.all(
    files.map(async ({ contentType, path }) => {
      const { size: bytes } = await stat(path)
      return { contentType, bytes, ...(path === unchanged && { key: output.key }) }
    }),
  )
  const header = {
    upstream: upstreamOf(model),
    history: [...asked.keys],
    prompt,
    inputs: asked.inputs.map(({ key, contentType }) => ({ key, contentType })),
    reply: reply.map(({ part, image }) => (image ? { part, image: files.indexOf(image) } : { part })),
    images,
    content: [...(painted.content ?? [])],
  }
  const inside = files.map(({ path }) => path).filter((path) => path !== unchanged)
  return writeTurn(target, header, inside)
}
