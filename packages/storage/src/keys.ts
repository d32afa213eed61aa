import { checkKey } from "./check-key.ts"

/** Whose object it is: a job's tenant, id and time of creation say where everything of that job lies. */
export type JobPlace = { tenant: string; createdAt: Date; id: string }

const extensions = { png: "png", jpeg: "jpg", webp: "webp" } as const

/** `acme/2026/11/22/job_…`, the day in UTC. */
export function jobPrefix({ tenant, createdAt, id }: JobPlace): string {
  const day = createdAt.toISOString().slice(0, 10).replaceAll("-", "/")
  return checked(`${tenant}/${day}/${id}`, 5)
}

/** `acme/2026/11/22/job_…/0.png`. */
export function outputKey(output: JobPlace & { index: number; format: keyof typeof extensions }): string {
  return checked(`${jobPrefix(output)}/${output.index}.${extensions[output.format]}`, 6)
}

/** `acme/2026/11/22/job_…/prompt.txt`, for the small documents beside a job's images. */
export function documentKey(document: JobPlace & { name: string }): string {
  return checked(`${jobPrefix(document)}/${document.name}`, 6)
}

/**
 * `acme/2026/11/22/job_…/0.5f3c….turn`: what was asked and answered for an image. It is named after the image's content,
 * so that of two attempts at one image each has its own.
 */
export const turnKey = (turn: JobPlace & { index: number; sha256: string }): string =>
  documentKey({ ...turn, name: `${turn.index}.${turn.sha256.slice(0, 16)}.turn` })

/** `acme/assets/<sha256>.png`: what a tenant sends twice is stored once. */
export function assetKey(asset: { tenant: string; sha256: string; extension: string }): string {
  return checked(`${asset.tenant}/assets/${asset.sha256}.${asset.extension}`, 3)
}

/** `acme/batches/bat_…`, for what a batch keeps beside its jobs. */
export function batchPrefix({ tenant, id }: { tenant: string; id: string }): string {
  return checked(`${tenant}/batches/${id}`, 3)
}

/** `acme/batches/bat_…/000007.ndjson`: some of a batch's items. */
export function batchKey({ chunk, ...batch }: { tenant: string; id: string; chunk: number }): string {
  return checked(`${batchPrefix(batch)}/${String(chunk).padStart(6, "0")}.ndjson`, 4)
}

/** A part with a slash would put one tenant's object into another's folder. */
function checked(key: string, segments: number): string {
  checkKey(key)
  if (key.split("/").length !== segments)
    throw new RangeError(`${JSON.stringify(key)} has a slash in one of its parts`)
  return key
}
