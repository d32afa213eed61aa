import { GoogleError } from "../google-error.ts"
import type { PredictRequest } from "../messages/predict-request.ts"
import { type ImagenModel, imagenPixels } from "../models/imagen.ts"
import { drawPicture } from "../picture/draw-picture.ts"

/** What a request to Imagen comes to. */
export type ImagenOrder = {
  model: ImagenModel
  prompt: string
  samples: number
  ratio: string
  size: string
  mimeType: "image/png" | "image/jpeg"
  tellsReason: boolean
}

const people = ["dont_allow", "allow_adult", "allow_all"]
const thresholds = ["block_low_and_above", "block_medium_and_above", "block_only_high", "block_none"]

/** @throws GoogleError 400 for the first value that the model does not take. */
export function readImagenOrder(
  model: ImagenModel,
  { instances, parameters = {} }: PredictRequest,
): ImagenOrder {
  const prompt = instances?.[0]?.prompt ?? ""
  if (instances?.length !== 1 || prompt === "")
    throw invalid("exactly one instance with a prompt is required")
  const { sampleCount = 1, aspectRatio = "1:1", sampleImageSize = "1K", outputOptions } = parameters
  const mimeType = outputOptions?.mimeType ?? "image/png"
  if (sampleCount < 1 || sampleCount > model.mostSamples) {
    throw invalid(`sampleCount must be between 1 and ${model.mostSamples}, inclusive`)
  }
  among("aspectRatio", aspectRatio, Object.keys(imagenPixels))
  among("sampleImageSize", sampleImageSize, model.sizes)
  among("personGeneration", parameters.personGeneration ?? "allow_adult", people)
  among("safetySetting", parameters.safetySetting ?? "block_low_and_above", thresholds)
  if (mimeType !== "image/png" && mimeType !== "image/jpeg")
    throw invalid("outputOptions.mimeType is not supported")
  return {
    model,
    prompt,
    samples: sampleCount,
    ratio: aspectRatio,
    size: sampleImageSize,
    mimeType,
    tellsReason: parameters.includeRaiReason ?? false,
  }
}

const invalid = (what: string) => new GoogleError("INVALID_ARGUMENT", `Invalid value for Imagen: ${what}.`)

function among(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw invalid(`${name} "${value}" is not one of ${known.join(", ")}`)
}

type Filter = "none" | "told" | "silent"

const filtered =
  "Unable to show generated images. All images were filtered out because they violated Google's Responsible AI practices. Try rephrasing the prompt. If you think this was an error, send feedback. Support codes: 29310472"

/** The answer: pictures, a reason for their absence where one was asked for, or nothing at all. */
export async function predict(order: ImagenOrder, filter: Filter): Promise<object> {
  if (filter === "silent" || (filter === "told" && !order.tellsReason)) return {}
  if (filter === "told") return { predictions: [{ raiFilteredReason: filtered }] }
  const predictions = await Promise.all(
    Array.from({ length: order.samples }, async (_, variation) => ({
      mimeType: order.mimeType,
      bytesBase64Encoded: (await paint(order, variation)).toString("base64"),
    })),
  )
  return { predictions }
}

function paint({ model, prompt, ratio, size, mimeType }: ImagenOrder, variation: number): Promise<Buffer> {
  const [width, height] = imagenPixels[ratio] ?? [1024, 1024]
  const factor = size === "2K" ? 2 : 1
  return drawPicture({
    width: width * factor,
    height: height * factor,
    mimeType,
    prompt: prompt.replaceAll(/\[\[[^\]]*\]\]/g, "").trim(),
    facts: [model.id, `${width * factor} × ${height * factor}`, ratio, size].join(" · "),
    mark: "EMULATED",
    variation,
    inputs: [],
    isNoisy: false,
  })
}
