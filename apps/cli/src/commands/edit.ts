import { openAsBlob } from "node:fs"
import { basename } from "node:path"

import { uploadAsset } from "@kiln/client"
import { operations, type InputImage } from "@kiln/contract"
import type { z } from "zod"

import { UsageError, type ExitCode } from "../exit-codes.ts"
import { jobOf, type EditFlags } from "../flags.ts"
import { requirePhoto } from "../photo-file.ts"
import type { Session } from "../session.ts"
import { follow } from "./one-job.ts"

/** `kiln edit "make it blue" --image mug.png` */
export async function edit(
  session: Session,
  [prompt]: string[],
  flags: z.output<typeof EditFlags>,
): Promise<ExitCode> {
  if (!flags.image) throw new UsageError("--image is required: a file, a URL, an asset or a job")
  const body = jobOf(prompt, flags)
  const images = await Promise.all(flags.image.map((source) => imageOf(source, session)))
  const job = await session.client.send(operations.createEdit, {
    body: { ...body, images },
    signal: session.signal,
  })
  return follow(session, job, flags)
}

/** A URL, `ast_…`, `job_…` (its first image), `job_…:2`, or a file, which is uploaded. */
async function imageOf(source: string, { client, signal }: Session): Promise<InputImage> {
  if (/^https?:\/\//i.test(source)) return { url: source }
  if (/^ast_[0-9a-f]{32}$/.test(source)) return { asset: source }
  const [, job, output = "0"] = /^(job_[0-9a-f]{32})(?::(\d{1,2}))?$/.exec(source) ?? []
  if (job !== undefined) return { job, output: Number(output) }
  const problem = await requirePhoto(source)
  if (problem !== undefined) throw new UsageError(`--image ${source}: ${problem}`)
  const { id } = await uploadAsset(client, await openAsBlob(source), { name: basename(source), signal })
  return { asset: id }
}
