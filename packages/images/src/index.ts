export { checkRatio, type RatioMismatch } from "./check-ratio.ts"
export { finishImage, type FinishedImage, type FinishImageOptions, type ImageFacts } from "./finish-image.ts"
export { contentTypeOf, extensionOf, type OutputFormat } from "./output-format.ts"
export { sniff, type ImageType } from "./sniff.ts"
