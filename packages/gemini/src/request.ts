import type { ModelEntry, Parameters } from "@kiln/contract"
import type { PaintInput, PaintRequest, PaintTurn, ReplyPart } from "@kiln/jobs"

/** Where the bytes of an image are for the upstream: in the request itself, or in a file that it has. */
type Placed = { data: string } | { fileUri: string }
type Place = (image: PaintInput) => Placed

/**
 * The body of generateContent, in camelCase as the upstream writes it itself. What the model does not have is
 * left out: an image size sent to a model of one size is answered with 500. One call makes one image, so
 * candidateCount is never sent. Images come before the words that speak of them, in their order; `place` is asked
 * for each image once, in the order in which they stand in the body.
 */
export function toRequestBody(request: PaintRequest, place: Place = () => ({ data: "" })): object {
  const { model, prompt, parameters, inputs, history = [] } = request
  const instruction = systemInstruction(model, parameters)
  return {
    contents: [
      ...history.flatMap((turn) => [userTurn(turn, place), modelTurn(turn.reply, place)]),
      userTurn({ inputs, prompt }, place),
    ],
    ...(instruction && { systemInstruction: { parts: [{ text: instruction }] } }),
    generationConfig: generationConfig(model, parameters),
    ...(parameters.safety && { safetySettings: safetySettings(parameters.safety) }),
    ...tools(model, parameters),
  }
}

const userTurn = ({ inputs, prompt }: Pick<PaintTurn, "inputs" | "prompt">, place: Place): object => ({
  role: "user",
  parts: [...inputs.map((image) => imagePart(image, place(image))), { text: prompt }],
})

/** An earlier answer with everything that its parts had: signatures belong to exactly these. */
const modelTurn = (reply: readonly ReplyPart[], place: Place): object => ({
  role: "model",
  parts: reply.map(({ part, image }) => (image ? replayed(part, image, place(image)) : part)),
})

function replayed({ inlineData, ...part }: ReplyPart["part"], image: PaintInput, placed: Placed): object {
  if ("fileUri" in placed) return { ...part, ...imagePart(image, placed) }
  return { ...part, inlineData: { ...(inlineData as object | undefined), ...placed } }
}

const imagePart = ({ contentType: mimeType }: PaintInput, placed: Placed): object =>
  "fileUri" in placed ? { fileData: { mimeType, ...placed } } : { inlineData: { mimeType, ...placed } }

/** The model's own instruction comes first, the request's after it. */
function systemInstruction(model: ModelEntry, parameters: Parameters): string {
  return [model.system_instruction, parameters.system_instruction].filter(Boolean).join("\n\n")
}

function generationConfig({ capabilities: can }: ModelEntry, asked: Parameters): object {
  const aspectRatio = only(asked.aspect_ratio, can.aspect_ratios)
  const imageSize = only(asked.image_size, can.image_sizes)
  const thinkingLevel = only(asked.thinking_level, can.thinking_levels)?.toUpperCase()
  return {
    responseModalities: asked.include_text && can.text ? ["TEXT", "IMAGE"] : ["IMAGE"],
    ...((aspectRatio ?? imageSize) && {
      imageConfig: { ...(aspectRatio && { aspectRatio }), ...(imageSize && { imageSize }) },
    }),
    ...(asked.temperature !== undefined && { temperature: asked.temperature }),
    ...(asked.seed !== undefined && can.seed && { seed: asked.seed }),
    ...(thinkingLevel && { thinkingConfig: { thinkingLevel } }),
  }
}

const only = <Value>(value: Value | undefined, known: readonly Value[]): Value | undefined =>
  value !== undefined && known.includes(value) ? value : undefined

function safetySettings(safety: NonNullable<Parameters["safety"]>): object[] {
  return Object.entries(safety).map(([category, threshold]) => ({
    category: `HARM_CATEGORY_${category.toUpperCase()}`,
    threshold: threshold.toUpperCase(),
  }))
}

/** Web search is the tool's plain form; search types are named only when images are searched too. */
function tools({ capabilities: can }: ModelEntry, { grounding }: Parameters): object {
  const sources = grounding?.filter((source) => can.grounding.includes(source)) ?? []
  if (sources.length === 0) return {}
  if (!sources.includes("image")) return { tools: [{ googleSearch: {} }] }
  const searchTypes = { ...(sources.includes("web") && { webSearch: {} }), imageSearch: {} }
  return { tools: [{ googleSearch: { searchTypes } }] }
}
