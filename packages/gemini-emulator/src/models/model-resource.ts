import { GoogleError } from "../google-error.ts"
import { lookUpModel } from "./find-model.ts"
import { aliases, type Model, models } from "./model.ts"

/** A model as `models.get` answers it. @throws GoogleError 404 for an unknown id. */
export function getModel(id: string, version: string) {
  const model = lookUpModel(id)
  if (model !== undefined) return resource(id, model)
  throw new GoogleError("NOT_FOUND", `Model is not found: models/${id} for api version ${version}`)
}

/** A page of models as `models.list` answers it; the page token is the number of models already listed. */
export function listModels(query: { pageSize?: string; pageToken?: string }) {
  const pageSize = Math.min(1000, Number(query.pageSize ?? 50) || 50)
  const start = Number(query.pageToken ?? 0) || 0
  const all = [
    ...models.map((model) => resource(model.id, model)),
    ...Object.keys(aliases).map((alias) => getModel(alias, "")),
  ]
  const end = start + pageSize
  return { models: all.slice(start, end), ...(end < all.length && { nextPageToken: String(end) }) }
}

function resource(id: string, model: Model) {
  return {
    name: `models/${id}`,
    version: model.version,
    displayName: model.displayName,
    description: `${model.displayName}, as the emulator plays it`,
    inputTokenLimit: model.inputTokenLimit,
    outputTokenLimit: model.outputTokenLimit,
    supportedGenerationMethods: ["generateContent", "countTokens", "batchGenerateContent"],
    temperature: 1,
    topP: 0.95,
    topK: 64,
    maxTemperature: 2,
    ...(model.thinking !== null && { thinking: true }),
  }
}
