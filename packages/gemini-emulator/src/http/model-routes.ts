import { promptTokens } from "../generate/usage.ts"
import { GoogleError } from "../google-error.ts"
import { isObject } from "../json.ts"
import { asGenerateRequest } from "../messages/generate-request.ts"
import { countTokensRequest } from "../messages/requests.ts"
import { findModel } from "../models/find-model.ts"
import { imagenModels, imagenResource } from "../models/imagen.ts"
import { getModel, listModels } from "../models/model-resource.ts"
import { readRequest } from "../schema/read-request.ts"
import { readBody } from "./read-body.ts"
import { sendJson } from "./send.ts"
import { queryOf, type Visit, versionOf } from "./visit.ts"

export function listModelsRoute(visit: Visit): void {
  const pageSize = queryOf(visit, "pageSize")
  const pageToken = queryOf(visit, "pageToken")
  sendJson(
    visit,
    listModels({
      ...(pageSize !== undefined && { pageSize }),
      ...(pageToken !== undefined && { pageToken }),
    }),
  )
}

export function getModelRoute(visit: Visit): void {
  const id = visit.params["model"] ?? ""
  const imagen = visit.state.servesImagen ? imagenModels.find((known) => known.id === id) : undefined
  sendJson(visit, imagen === undefined ? getModel(id, versionOf(visit)) : imagenResource(imagen))
}

export async function countTokensRoute(visit: Visit): Promise<void> {
  const body = await readBody(visit.request, visit.state.maxRequestBytes)
  const read = readRequest(countTokensRequest, body, versionOf(visit))
  const model = findModel(visit.params["model"] ?? "", versionOf(visit), "countTokens")
  const request = asGenerateRequest(
    isObject(read["generateContentRequest"]) ? read["generateContentRequest"] : read,
  )
  if ((request.contents ?? []).length === 0) {
    throw new GoogleError("INVALID_ARGUMENT", "* CountTokensRequest.contents: contents is not specified\n")
  }
  const promptTokensDetails = promptTokens(request, model)
  const totalTokens = promptTokensDetails.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
  sendJson(visit, { totalTokens, promptTokensDetails })
}

export function notEmulatedRoute(): void {
  throw new GoogleError("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled.")
}
