import { GoogleError } from "../google-error.ts"
import { asGenerateRequest, type GenerateRequest } from "../messages/generate-request.ts"
import { generateContentRequest } from "../messages/requests.ts"
import { findModel } from "../models/find-model.ts"
import type { Model } from "../models/model.ts"
import { readRequest } from "../schema/read-request.ts"
import { checkModelRules } from "./model-rules.ts"
import { requestComplaints } from "./request-rules.ts"
import { type ImageOf, signatureComplaint } from "./signature-rules.ts"
import { promptTokens } from "./usage.ts"

export type CheckedRequest = { request: GenerateRequest; model: Model }

/**
 * Reads a generateContent request and holds it against every rule, in the order in which Google answers: the shape
 * of the JSON, the model, the values, what the model can do, the signatures of replayed turns.
 * @throws GoogleError for the first kind of fault that it finds.
 */
export function checkRequest(call: {
  body: Buffer
  modelId: string
  version: string
  method: string
  hasStrictSignatures: boolean
  imageOf: ImageOf
}): CheckedRequest {
  const request = asGenerateRequest(readRequest(generateContentRequest, call.body, call.version))
  const model = findModel(call.modelId, call.version, call.method)
  const contents = request.contents ?? []
  refuse(requestComplaints(request))
  if (!contents.every(({ role = "" }) => ["", "user", "model"].includes(role)))
    refuse("Please use a valid role: user, model.")
  checkModelRules(request, model)
  if (call.hasStrictSignatures) refuse(signatureComplaint(contents, call.imageOf))
  const tokens = promptTokens(request, model).reduce((sum, { tokenCount }) => sum + tokenCount, 0)
  if (tokens > model.inputTokenLimit) {
    refuse(
      `The input token count (${tokens}) exceeds the maximum number of tokens allowed (${model.inputTokenLimit}).`,
    )
  }
  return { request, model }
}

function refuse(complaint: string | undefined): void {
  if (complaint !== undefined && complaint !== "") throw new GoogleError("INVALID_ARGUMENT", complaint)
}
