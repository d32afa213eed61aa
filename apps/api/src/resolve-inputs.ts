import { pointerOf, Refusal, type FieldError, type InputImage } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import type { JobSpec, KeptAsset, KeptInput, Ledger, NamedInput } from "@kiln/ledger"
import type { JobView } from "@kiln/views"

import { decodeBase64 } from "./decode-base64.ts"
import type { SentFile } from "./http/read-form.ts"
import { inputError } from "./input-error.ts"

type Deps = {
  ledger: Pick<Ledger, "read" | "assets">
  inputs: Pick<Inputs, "checkUrl" | "checkNamed" | "keepBytes" | "keepFile" | "keepObject">
  view: Pick<JobView, "hasLostImages">
}

/** An image as the request says it, or a file of its form. */
export type GivenImage = InputImage | SentFile

/** What is wrong with one image, at a field of it. */
class WrongImage extends Error {
  readonly field: keyof InputImage
  readonly code: string

  constructor(field: keyof InputImage, code: string, detail: string) {
    super(detail)
    this.field = field
    this.code = code
  }
}

/**
 * The images of an edit as assets; a URL or a `key` stays one, to be fetched by the worker. Throws `invalid_request` that names
 * every image that cannot be used.
 */
export function createResolveInputs({ ledger, inputs, view }: Deps) {
  return async (tenant: string, images: readonly GivenImage[]): Promise<NonNullable<JobSpec["inputs"]>> => {
    const resolved: (KeptInput | NamedInput)[] = []
    const errors: FieldError[] = []
    // One after the other: a request holds one decoder at a time.
    for (const [index, image] of images.entries()) {
      try {
        resolved.push(await resolve(tenant, image))
      } catch (error) {
        const wrong = fieldError(index, image, error)
        if (!wrong) throw error
        errors.push(wrong)
      }
    }
    if (errors.length === 0) return resolved
    const sentences = errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`)
    throw new Refusal("invalid_request", sentences.join("; "), { errors })
  }

  async function resolve(tenant: string, image: GivenImage): Promise<KeptInput | NamedInput> {
    if ("path" in image) return inputOf((await inputs.keepFile(tenant, image.path, image)).asset)
    const { url, key, asset: id, data, job, output = 0 } = image
    if (url !== undefined) {
      inputs.checkUrl(url)
      return { url }
    }
    if (key !== undefined) {
      await inputs.checkNamed(tenant, key)
      return { object: key }
    }
    if (id !== undefined) {
      const asset = await ledger.assets.read(tenant, id)
      if (!asset) throw new WrongImage("asset", "unknown_asset", `there is no asset ${id}`)
      return inputOf(asset)
    }
    if (job !== undefined) return outputOf(tenant, job, output)
    const bytes = decodeBase64(data ?? "")
    if (!bytes) throw new WrongImage("data", "invalid_value", "must be base64, or a data URI with base64")
    return inputOf((await inputs.keepBytes(tenant, bytes)).asset)
  }

  async function outputOf(tenant: string, id: string, index: number): Promise<KeptInput> {
    const record = await ledger.read(id)
    if (record?.tenant !== tenant) throw new WrongImage("job", "unknown_job", `there is no job ${id}`)
    const output = record.outputs.get(index)
    if (!output) throw new WrongImage("output", "unknown_output", `the job ${id} has no image ${index}`)
    const kept = view.hasLostImages(record, Date.now()) ? undefined : await inputs.keepObject(tenant, output)
    if (!kept) throw new WrongImage("output", "unknown_output", `the image ${index} of ${id} was removed`)
    return inputOf(kept.asset)
  }
}
export type ResolveInputs = ReturnType<typeof createResolveInputs>

const inputOf = ({ id, key, content_type, width, height }: KeptAsset): KeptInput => ({
  asset: id,
  key,
  content_type,
  width,
  height,
})

function fieldError(index: number, image: GivenImage, error: unknown): FieldError | undefined {
  if ("path" in image) return inputError(pointerOf(["image", image.index]), error)
  const at = (field: keyof InputImage) => pointerOf(["images", index, field])
  if (error instanceof WrongImage) {
    return { pointer: at(error.field), code: error.code, detail: error.message }
  }
  const given = (["url", "data", "key"] as const).find((field) => image[field] !== undefined)
  return inputError(at(given ?? "job"), error)
}
