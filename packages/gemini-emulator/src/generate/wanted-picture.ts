import { namedRatios, namedSizes } from "../messages/enums.ts"
import type { GenerateRequest } from "../messages/generate-request.ts"

/** The ratio that a request names, in either spelling of the API; undefined when it leaves the choice to the model. */
export function wantedRatio({ generationConfig }: GenerateRequest): string | undefined {
  const plain = generationConfig?.imageConfig?.aspectRatio
  return plain ?? namedRatios.get(generationConfig?.responseFormat?.image?.aspectRatio ?? "")
}

/** The size that a request names, in either spelling of the API. */
export function wantedSize({ generationConfig }: GenerateRequest): string | undefined {
  return (
    generationConfig?.imageConfig?.imageSize ??
    namedSizes.get(generationConfig?.responseFormat?.image?.imageSize ?? "")
  )
}

/** The ratio of a list that is nearest to an image's. */
export function nearestRatio(image: { width: number; height: number }, ratios: readonly string[]): string {
  const distance = (ratio: string) => {
    const [width = 1, height = 1] = ratio.split(":").map(Number)
    return Math.abs(Math.log((image.width * height) / (image.height * width)))
  }
  return ratios.toSorted((a, b) => distance(a) - distance(b))[0] ?? "1:1"
}
