import { many, type MessageType, one } from "../schema/message.ts"
import {
  aspectRatio,
  delivery,
  imageMimeType,
  imageSize,
  mediaResolution,
  modality,
  thinkingLevel,
} from "./enums.ts"

const thinkingConfig: MessageType = {
  message: "ThinkingConfig",
  fields: { includeThoughts: one("bool"), thinkingBudget: one("int32"), thinkingLevel: one(thinkingLevel) },
}

const imageConfig: MessageType = {
  message: "ImageConfig",
  fields: { aspectRatio: one("string"), imageSize: one("string") },
}

const imageResponseFormat: MessageType = {
  message: "ImageResponseFormat",
  fields: {
    aspectRatio: one(aspectRatio),
    imageSize: one(imageSize),
    mimeType: one(imageMimeType),
    delivery: one(delivery),
  },
}

const responseFormat: MessageType = {
  message: "ResponseFormat",
  fields: { image: one(imageResponseFormat), text: one("any"), audio: one("any"), video: one("any") },
}

export const generationConfig: MessageType = {
  message: "GenerationConfig",
  fields: {
    candidateCount: one("int32"),
    stopSequences: many("string"),
    maxOutputTokens: one("int32"),
    temperature: one("float"),
    topP: one("float"),
    topK: one("int32"),
    seed: one("int32"),
    presencePenalty: one("float"),
    frequencyPenalty: one("float"),
    responseLogprobs: one("bool"),
    logprobs: one("int32"),
    responseMimeType: one("string"),
    responseSchema: one("any"),
    responseJsonSchema: one("any"),
    _responseJsonSchema: one("any"),
    enableEnhancedCivicAnswers: one("bool"),
    responseModalities: many(modality),
    speechConfig: one("any"),
    thinkingConfig: one(thinkingConfig),
    imageConfig: one(imageConfig),
    mediaResolution: one(mediaResolution),
    responseFormat: one(responseFormat),
    translationConfig: one("any"),
    audioTranscriptionConfig: one("any"),
  },
}
