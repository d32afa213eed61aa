import { many, type MessageType, one, oneOf } from "../schema/message.ts"
import { partMediaResolutionLevel } from "./enums.ts"

const blob: MessageType = { message: "Blob", fields: { mimeType: one("string"), data: one("bytes") } }

const fileData: MessageType = {
  message: "FileData",
  fields: { mimeType: one("string"), fileUri: one("string") },
}

const videoMetadata: MessageType = {
  message: "VideoMetadata",
  fields: { startOffset: one("string"), endOffset: one("string"), fps: one("float") },
}

const partMediaResolution: MessageType = {
  message: "PartMediaResolution",
  fields: { level: one(partMediaResolutionLevel), numTokens: one("int32") },
}

/** The fields of which a part has exactly one. */
export const partDataFields = [
  "text",
  "inlineData",
  "fileData",
  "functionCall",
  "functionResponse",
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
] as const

const part: MessageType = {
  message: "Part",
  fields: {
    ...Object.fromEntries(partDataFields.map((name) => [name, oneOf("data", "any")])),
    text: oneOf("data", "string"),
    inlineData: oneOf("data", blob),
    fileData: oneOf("data", fileData),
    thought: one("bool"),
    thoughtSignature: one("bytes"),
    videoMetadata: one(videoMetadata),
    partMetadata: one("any"),
    mediaResolution: one(partMediaResolution),
    mediaProcessing: one("any"),
  },
}

export const content: MessageType = { message: "Content", fields: { role: one("string"), parts: many(part) } }
