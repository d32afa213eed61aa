import type { ModelEntry, ModelPrices, Parameters, Tokens } from "@kiln/contract"

/**
 * Money is counted in whole nano-dollars, so that sums agree to the last digit: the cheapest token costs
 * 250 of them, and a ledger of 9 million dollars still fits a safe integer.
 */
export const nanoUsdPerUsd = 1_000_000_000

/** A million dollars for one call: beyond it the counts are wrong, and numbers lose their last digits. */
const mostNanoUsd = 1_000_000 * nanoUsdPerUsd

/** USD for a million tokens is a thousand nano-dollars for one. */
const nanoPerToken = (usdPerMillion: number) => usdPerMillion * 1_000

/** What a call cost in nano-dollars, from the upstream's own token counts; null where a price is not known. */
export function costOf(tokens: Tokens, prices: ModelPrices): number | null {
  if (prices.per_image !== undefined) return priceOfImages(tokens.images ?? 0, prices.per_image)
  if (prices.input === null || prices.text_output === null || prices.image_output === null) return null
  const words = Math.max(0, tokens.output - tokens.image)
  const nanoUsd = Math.round(
    tokens.input * nanoPerToken(prices.input) +
      tokens.image * nanoPerToken(prices.image_output) +
      words * nanoPerToken(prices.text_output),
  )
  return sensible(nanoUsd)
}

const priceOfImages = (images: number, perImageUsd: number | null): number | null =>
  perImageUsd === null ? null : sensible(Math.round(images * perImageUsd * nanoUsdPerUsd))

/** Counts that make no sense make no cost either. */
const sensible = (nanoUsd: number): number | null => (nanoUsd < mostNanoUsd ? nanoUsd : null)

/** Nano-dollars as USD, rounded to a ten-thousandth of a cent. */
export const toUsd = (nanoUsd: number | null): number | null =>
  nanoUsd === null ? null : Math.round(nanoUsd / 1_000) / 1_000_000

/** Thinking that most models were seen to do for an image at their default level. */
const usualThinking = 300

/** What most models count for an input image, whatever its size. */
const usualInputImage = 1_120

/** What all images of a request will use, from its own words and the model's table; the bill follows the upstream's counts. */
export function estimateTokens(
  model: ModelEntry,
  prompt: string,
  parameters: Parameters,
  inputs = 0,
): Tokens {
  const { image_tokens: table, per_image } = model.prices
  const { input_image_tokens: each = usualInputImage, thinking_tokens: thinking = usualThinking } =
    model.prices
  if (per_image !== undefined) return { input: 0, output: 0, image: 0, images: parameters.n }
  const image = table[parameters.image_size ?? "default"] ?? table.default ?? 0
  const words = prompt.length + (parameters.system_instruction?.length ?? 0)
  return {
    input: parameters.n * (Math.ceil(words / 4) + inputs * each),
    image: parameters.n * image,
    output: parameters.n * (image + thinking),
  }
}
