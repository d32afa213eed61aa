import { operations, type Asset, type EditInput, type InputImage, type Job } from "@kiln/contract"

import type { Client } from "./client.ts"

/** An upload of 100 MB over a slow line. */
const uploadTimeoutMs = 600_000

/** Keeps an image for edits; the same content is kept once, so that sending it again does no harm. */
export async function uploadAsset(
  client: Client,
  image: Blob,
  { name = "image", signal }: { name?: string; signal?: AbortSignal | undefined } = {},
): Promise<Asset> {
  const form = new FormData()
  form.append("file", image, name)
  return client.send(operations.createAsset, { form, isSafe: true, timeoutMs: uploadTimeoutMs, signal })
}

/** An edit whose images may be files: those are uploaded first. */
export async function createEdit(
  client: Client,
  { images, ...request }: Omit<EditInput, "images"> & { images: readonly (InputImage | Blob)[] },
  signal?: AbortSignal,
): Promise<Job> {
  const kept = await Promise.all(
    images.map(async (image) =>
      image instanceof Blob ? { asset: (await uploadAsset(client, image, { signal })).id } : image,
    ),
  )
  return client.send(operations.createEdit, { body: { images: kept, ...request }, signal })
}
