import type { AnswerPart } from "../generate/answer.ts"
import { numberOf, type Scenario } from "./scenario.ts"

const jpegBut = "but its content is not what it says"

/** 200 whose body is unusual: parts missing, in another order, too many or damaged. */
export const bodyScenarios: readonly Scenario[] = [
  {
    name: "text_refusal",
    description: "200, STOP, one text that declines and no image",
    compose: (maker) =>
      maker.answer([maker.text("I'm sorry, I can't create that image. I can help with another idea.")]),
  },
  {
    name: "prompt_block",
    description: "200 with promptFeedback.blockReason and no candidates",
    argument: "blockReason, PROHIBITED_CONTENT if absent",
    compose(maker, blockReason = "PROHIBITED_CONTENT") {
      const { candidates: _, usageMetadata: usage = {}, ...rest } = maker.stopped({})
      const { promptTokenCount = 0, promptTokensDetails = [] } = usage
      const counted = { promptTokenCount, totalTokenCount: promptTokenCount, promptTokensDetails }
      return { promptFeedback: { blockReason }, usageMetadata: counted, ...rest }
    },
  },
  {
    name: "empty_candidates",
    description: "200, candidates is an empty list",
    compose: (maker) => ({ ...maker.stopped({}), candidates: [] }),
  },
  {
    name: "no_candidates",
    description: "200, no candidates at all, usage only",
    compose(maker) {
      const { candidates: _, ...rest } = maker.stopped({})
      return rest
    },
  },
  {
    name: "parts_null",
    description: "200, STOP, content.parts is null",
    compose: (maker) => maker.stopped({ content: { role: "model", parts: null }, finishReason: "STOP" }),
  },
  {
    name: "empty_content",
    description: "200, STOP, content has a role and no parts",
    compose: (maker) => maker.stopped({ content: { role: "model" }, finishReason: "STOP" }),
  },
  {
    name: "thought_only",
    description: "200, STOP, the only image is a thought",
    compose: async (maker) => maker.answer(await maker.thoughts()),
  },
  {
    name: "two_images",
    description: "200, two images",
    compose: async (maker) =>
      maker.answer([await maker.image({ mark: "EMULATED · FIRST" }), await maker.image()]),
  },
  {
    name: "interleaved",
    description: "200, text before and after the image, in three parts",
    compose: async (maker) =>
      maker.answer([
        maker.text("First, the mug."),
        { text: "It is red." },
        await maker.image(),
        { text: "There you are." },
      ]),
  },
  {
    name: "image_then_text",
    description: "200, the image comes before the text",
    compose: async (maker) => maker.answer([await maker.image(), maker.text("There you are.")]),
  },
  {
    name: "truncated_base64",
    description: "200, the image's base64 ends early, and not after whole bytes",
    compose: async (maker) =>
      maker.answer([withData(await maker.image(), (data) => data.slice(0, Math.floor(data.length / 2) | 1))]),
  },
  {
    name: "bad_base64",
    description: "200, the image's data is not base64",
    compose: async (maker) =>
      maker.answer([withData(await maker.image(), (data) => `*** not base64 *** ${data.slice(0, 100)}`)]),
  },
  {
    name: "wrong_mime",
    description: `200, an image that says it is PNG (JPEG on models that paint PNG), ${jpegBut}`,
    compose: async (maker) => maker.answer([mislabelled(await maker.image())]),
  },
  {
    name: "wrong_ratio",
    description: "200, an image of another aspect ratio than asked for",
    look: { isOtherRatio: true },
  },
  {
    name: "long_signatures",
    description: "200, signatures of 20 kB",
    look: { signatureBytes: 20_000 },
  },
  { name: "noise", description: "200, an image of noise: many megabytes at 4K", look: { isNoisy: true } },
  {
    name: "huge_text",
    description: "200, a very long text before the image",
    argument: "kilobytes, 1024 if absent, at most 20000",
    compose: async (maker, argument) => {
      const kilobytes = Math.min(20_000, Math.max(1, numberOf(argument, 1024)))
      return maker.answer([maker.text("emulated words. ".repeat(kilobytes * 64)), await maker.image()])
    },
  },
]

function withData(part: AnswerPart, change: (data: string) => string): AnswerPart {
  const { mimeType = "image/jpeg", data = "" } = part.inlineData ?? {}
  return { ...part, inlineData: { mimeType, data: change(data) } }
}

function mislabelled(part: AnswerPart): AnswerPart {
  const { mimeType = "image/jpeg", data = "" } = part.inlineData ?? {}
  return { ...part, inlineData: { mimeType: mimeType === "image/png" ? "image/jpeg" : "image/png", data } }
}
