import type { JsonObject } from "../json.ts"
import { many, type MessageType, one } from "../schema/message.ts"

/** `:predict` takes free-form values on the wire; these are the fields that Imagen knew. */
export const predictRequest: MessageType = {
  message: "PredictRequest",
  fields: {
    instances: many({ message: "ImagenInstance", fields: { prompt: one("string") } }),
    parameters: one({
      message: "ImagenParameters",
      fields: {
        sampleCount: one("int32"),
        aspectRatio: one("string"),
        sampleImageSize: one("string"),
        personGeneration: one("string"),
        safetySetting: one("string"),
        includeRaiReason: one("bool"),
        includeSafetyAttributes: one("bool"),
        language: one("string"),
        guidanceScale: one("float"),
        outputOptions: one({
          message: "ImagenOutputOptions",
          fields: { mimeType: one("string"), compressionQuality: one("int32") },
        }),
      },
    }),
  },
}

export type PredictRequest = {
  instances?: { prompt?: string }[]
  parameters?: {
    sampleCount?: number
    aspectRatio?: string
    sampleImageSize?: string
    personGeneration?: string
    safetySetting?: string
    includeRaiReason?: boolean
    outputOptions?: { mimeType?: string }
  }
}

/** The one place where a value that was read by the message tables gets its TypeScript type. */
export const asPredictRequest = (value: JsonObject): PredictRequest => value
