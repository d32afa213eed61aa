import { many, type MessageType, one } from "../schema/message.ts"
import { content } from "./content.ts"
import { harmBlockThreshold, harmCategory, serviceTier } from "./enums.ts"
import { generationConfig } from "./generation-config.ts"
import { tool, toolConfig } from "./tool.ts"

const safetySetting: MessageType = {
  message: "SafetySetting",
  fields: { category: one(harmCategory), threshold: one(harmBlockThreshold) },
}

export const generateContentRequest: MessageType = {
  message: "GenerateContentRequest",
  fields: {
    contents: many(content),
    systemInstruction: one(content),
    tools: many(tool),
    toolConfig: one(toolConfig),
    safetySettings: many(safetySetting),
    generationConfig: one(generationConfig),
    cachedContent: one("string"),
    model: one("string"),
    serviceTier: one(serviceTier),
    store: one("bool"),
    continuationToken: one("bytes"),
    labels: { type: "string", isMap: true },
  },
}

export const countTokensRequest: MessageType = {
  message: "CountTokensRequest",
  fields: {
    contents: many(content),
    generateContentRequest: one(generateContentRequest),
    model: one("string"),
  },
}

export const createFileRequest: MessageType = {
  message: "CreateFileRequest",
  fields: {
    file: one({
      message: "File",
      fields: {
        name: one("string"),
        displayName: one("string"),
        mimeType: one("string"),
        sizeBytes: one("int64"),
      },
    }),
  },
}
