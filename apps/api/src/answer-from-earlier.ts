import { idTime, Refusal } from "@kiln/contract"
import type { Models } from "@kiln/jobs"
import type { Ledger, NewJob } from "@kiln/ledger"
import { cachedWarning, pictureFingerprint, type Copied, type Reuse } from "@kiln/reuse"
import { documentKey, jobPrefix } from "@kiln/storage"
import type { Documents } from "@kiln/views"

type Deps = {
  ledger: Pick<Ledger, "madeBefore" | "keepImagesUntil" | "forgetImages" | "pictures">
  models: Pick<Models, "get">
  reuse: Reuse
  documents: Pick<Documents, "write">
  retentionMs: number
  /** Null: images are kept until they are deleted. */
  imageRetentionMs: number | null
}

type Idempotency = Parameters<Ledger["madeBefore"]>[1] | undefined

/** Copies whose job is not written by then are swept away. */
const copyingMs = 600_000
/** Longer texts lie in storage. */
const inlineTextBytes = 4_096

/**
 * Writes a job that may be answered from the images of an earlier one, which then has succeeded at once; undefined
 * where it may not, where there is none, or where an image is only named yet: the worker looks again once it has it.
 */
export function createAnswerFromEarlier(deps: Deps) {
  const { ledger, models, reuse, documents, retentionMs, imageRetentionMs } = deps

  return async (job: NewJob, prompt: string, idempotency: Idempotency) => {
    const found = job.spec.cache ? await find(job, prompt, idempotency) : undefined
    if (!found) return undefined
    const { earlier, fingerprint } = found
    const place = { tenant: job.tenant, createdAt: idTime(job.id), id: job.id }
    const prefix = jobPrefix(place)
    await ledger.keepImagesUntil(prefix, new Date(Date.now() + copyingMs))
    const copied = await reuse.copy(earlier, place)
    if (!copied) {
      await ledger.forgetImages(prefix)
      return undefined
    }
    const { spec } = job
    const warnings = [...spec.warnings, cachedWarning(earlier.id)]
    const answered = { ...job, spec: { ...spec, warnings, cachedFrom: earlier.id } }
    const submitted = await ledger.pictures.submit({
      job: answered,
      idempotency,
      outputs: copied.outputs,
      layout: copied.layout,
      ...(await keepText(copied, documentKey({ ...place, name: "text.txt" }))),
      pictures: { fingerprint, forMs: Math.min(retentionMs, imageRetentionMs ?? Infinity) },
      objects: { prefix, until: imageRetentionMs === null ? null : new Date(Date.now() + imageRetentionMs) },
    })
    if (submitted.kind === "late") {
      throw new Refusal("unavailable", "The images could not be copied in time", { retryAfterMs: 1_000 })
    }
    return { job: answered, submitted }
  }

  async function find(job: NewJob, prompt: string, idempotency: Idempotency) {
    const { tenant, type, spec } = job
    const inputs = (spec.inputs ?? []).flatMap((input) => ("asset" in input ? input.key : []))
    const model = models.get(job.model)
    if (!model || inputs.length < (spec.inputs ?? []).length) return undefined
    // What came before has its job already, and needs no copies.
    if (idempotency && (await ledger.madeBefore(tenant, idempotency))) return undefined
    const fingerprint = pictureFingerprint({ type, model, prompt, spec, inputs })
    const earlier = await reuse.find(tenant, fingerprint)
    return earlier && { earlier, fingerprint }
  }

  async function keepText({ text }: Copied, key: string) {
    if (text === null || Buffer.byteLength(text) <= inlineTextBytes) return { text, textKey: null }
    await documents.write(key, text)
    return { text: null, textKey: key }
  }
}
