import { createHash } from "node:crypto"

import { type BoundedMap, createBoundedMap } from "../bounded-map.ts"
import type { GenerateRequest } from "../messages/generate-request.ts"
import type { Model } from "../models/model.ts"
import { pixelsOf } from "../models/pixel-sizes.ts"
import { drawPicture } from "../picture/draw-picture.ts"
import type { InspectedImage } from "../picture/inspect-image.ts"
import { nearestRatio, wantedRatio, wantedSize } from "./wanted-picture.ts"

/** Departures from the picture that the request asks for. */
export type Look = { isNoisy?: boolean; isOtherRatio?: boolean; mark?: string; signatureBytes?: number }

type Painting = {
  request: GenerateRequest
  model: Model
  prompt: string
  inputs: readonly (InspectedImage | null)[]
  look: Look
  variation: number
}

export type Painter = (painting: Painting) => Promise<{ mimeType: string; data: string }>

/** Makes a painter that remembers what it painted lately, up to `cacheBytes` of base64. */
export function createPainter({ cacheBytes }: { cacheBytes: number }): Painter {
  const cache: BoundedMap<string> = createBoundedMap({ limit: cacheBytes, weigh: (data) => data.length })
  return async (painting) => {
    const ability = painting.model.image
    const mimeType = ability?.mimeType ?? "image/jpeg"
    const { ratio, size } = shapeOf(painting)
    const pixels = pixelsOf(ability?.pixels ?? "multiples", ratio, size)
    const key = keyOf(painting, [ratio, size])
    const known = cache.get(key)
    if (known !== undefined) return { mimeType, data: known }
    const facts = [
      painting.model.id,
      `${pixels.width} × ${pixels.height}`,
      ratio,
      ...(ability?.fixedTokens === undefined ? [size] : []),
    ]
    const bytes = await drawPicture({
      ...pixels,
      mimeType,
      prompt: painting.prompt.replaceAll(/\[\[[^\]]*\]\]/g, "").trim(),
      facts: facts.join(" · "),
      mark: painting.look.mark ?? "EMULATED",
      variation: painting.variation,
      inputs: painting.inputs.map((input) => input?.preview ?? null),
      isNoisy: painting.look.isNoisy ?? false,
    })
    const data = bytes.toString("base64")
    cache.set(key, data)
    return { mimeType, data }
  }
}

function shapeOf({ request, model, inputs, look }: Painting): { ratio: string; size: string } {
  const ratios = model.image?.ratios ?? []
  // Without a ratio the picture takes the shape of the last image given.
  const last = inputs.findLast((input) => input !== null)
  const asked = wantedRatio(request) ?? (last === undefined ? "1:1" : nearestRatio(last, ratios))
  const ratio = look.isOtherRatio ? (asked === "4:3" ? "9:16" : "4:3") : asked
  return { ratio, size: wantedSize(request) ?? "1K" }
}

function keyOf(painting: Painting, shape: string[]): string {
  const hash = createHash("sha256")
  const { model, prompt, variation, look } = painting
  hash.update(JSON.stringify([model.id, prompt, variation, look, shape]))
  for (const input of painting.inputs) hash.update(input?.preview ?? "none")
  return hash.digest("base64")
}
