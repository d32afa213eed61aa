import type { Scenario } from "./scenario.ts"

const unable = "Unable to show the generated image."
const useOtherWords = "Try rephrasing the prompt."

function finish(
  name: string,
  finishReason: string,
  description: string,
  candidate: { finishMessage?: string; content?: object } = {},
): Scenario {
  return { name, description, compose: (maker) => maker.stopped({ ...candidate, finishReason }) }
}

/** 200 without an image, the reason being in `finishReason`. */
export const finishScenarios: readonly Scenario[] = [
  finish("no_image", "NO_IMAGE", "200, finishReason NO_IMAGE and no content"),
  finish("image_safety", "IMAGE_SAFETY", "200, the image was filtered; empty content, with finishMessage", {
    content: {},
    finishMessage: `${unable} The image was filtered out because it violated Google's [Generative AI Prohibited Use policy](https://policies.google.com/terms/generative-ai/use-policy). You will not be charged for blocked images. ${useOtherWords} If you think this was an error, [send feedback](https://ai.google.dev/gemini-api/docs/troubleshooting).`,
  }),
  finish(
    "image_prohibited_content",
    "IMAGE_PROHIBITED_CONTENT",
    "200, the image is prohibited; content with a role only",
    {
      content: { role: "model" },
      finishMessage: `${unable} The image was filtered out because it violated Google's Responsible AI practices. ${useOtherWords} If you think this was an error, send feedback. Support code: 11030041.`,
    },
  ),
  finish("image_other", "IMAGE_OTHER", "200, the image stopped for another reason, with finishMessage", {
    finishMessage: `${unable} The model could not generate the image based on the prompt provided. You will not be charged for this request. ${useOtherWords}`,
  }),
  finish("image_recitation", "IMAGE_RECITATION", "200, the image may repeat a protected one", {
    finishMessage: `${unable} The image may contain content that is protected. ${useOtherWords}`,
  }),
  finish("safety", "SAFETY", "200, stopped by the safety filter for text"),
  finish("recitation", "RECITATION", "200, stopped as a recitation"),
  finish("other", "OTHER", "200, stopped for no stated reason"),
  finish("language", "LANGUAGE", "200, language not supported"),
  finish("blocklist", "BLOCKLIST", "200, forbidden terms"),
  finish("prohibited_content", "PROHIBITED_CONTENT", "200, prohibited content"),
  finish("spii", "SPII", "200, sensitive personal information"),
  finish("max_tokens", "MAX_TOKENS", "200, output limit reached before an image", {
    content: { role: "model" },
  }),
  finish("malformed_response", "MALFORMED_RESPONSE", "200, the model's response was malformed"),
  finish("unknown_reason", "IMAGE_REASON_OF_TOMORROW", "200, a finishReason that no list has yet"),
]
