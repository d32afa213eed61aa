import { readdir, readFile, rename, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"

import { Warning } from "@kiln/contract"
import type { Painted } from "@kiln/jobs"
import { keptNote } from "@kiln/runtime"
import { z } from "zod"

import type { ImageWork } from "./image-work.ts"

const PaintInput = z.object({
  contentType: z.string(),
  path: z.string(),
  piece: z.object({ start: z.number(), bytes: z.number() }).optional(),
})

/** What lies beside a picture that is paid and not stored yet. */
const Paid = z.object({
  /** Where it lay when this was written. */
  folder: z.string(),
  /** Whether an attempt that gave up has told what it cost. */
  isCounted: z.boolean(),
  painted: z.object({
    bytes: z.number(),
    text: z.string().nullable(),
    content: z
      .array(
        z.union([
          z.object({ type: z.literal("text"), text: z.string() }),
          z.object({ type: z.literal("image") }),
        ]),
      )
      .optional(),
    reply: z
      .array(z.object({ part: z.record(z.string(), z.unknown()), image: PaintInput.optional() }))
      .optional(),
    tokens: z.object({ input: z.number(), output: z.number(), image: z.number() }),
    warnings: z.array(Warning),
    modelVersion: z.string().nullable(),
    responseId: z.string().nullable(),
  }),
})

export type PaidPicture = { painted: Painted; isCounted: boolean }

/** Writes down that the picture in `folder` is paid, so that whoever finds it there need not buy it again. */
export async function notePaid(folder: string, { painted, isCounted }: PaidPicture): Promise<void> {
  const path = join(folder, keptNote)
  const paid: z.infer<typeof Paid> = {
    folder,
    isCounted,
    painted: painted as z.infer<typeof Paid>["painted"],
  }
  await writeFile(`${path}.new`, JSON.stringify(paid))
  await rename(`${path}.new`, path)
}

/**
 * The picture that an earlier attempt on this machine paid and could not store, now in `folder`. Nothing is looked
 * for at a job's first attempt.
 */
export async function claimPaid(
  folder: string,
  { spool, record, epoch, index }: { spool: string } & Pick<ImageWork, "record" | "epoch" | "index">,
): Promise<PaidPicture | undefined> {
  if (epoch === 1) return undefined
  const parent = dirname(spool)
  const mayBe = new RegExp(`^${record.id}-\\d+-${index}$`)
  for (const process of await namesIn(parent)) {
    for (const found of await namesIn(join(parent, process))) {
      if (!mayBe.test(found)) continue
      const paid = await claim(join(parent, process, found), folder)
      if (paid) return paid
    }
  }
  return undefined
}

async function claim(from: string, to: string): Promise<PaidPicture | undefined> {
  try {
    const paid = Paid.parse(JSON.parse(await readFile(join(from, keptNote), "utf8")))
    if (from !== to) await rename(from, to)
    const { painted, isCounted, folder } = paid
    const reply = painted.reply?.map(({ part, image }) =>
      image ? { part, image: { ...image, path: image.path.replace(folder, to) } } : { part },
    )
    return { painted: { ...painted, reply }, isCounted }
  } catch {
    // Not paid, or somebody else's by now.
    return undefined
  }
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
