import { GoogleError } from "../google-error.ts"
import { aliases, type Model, models, retiredModels } from "./model.ts"

const byId = new Map(models.map((model) => [model.id, model]))

/** The living model of an id or alias. */
export function lookUpModel(id: string): Model | undefined {
  return byId.get(aliases[id] ?? id)
}

/**
 * The model that a method is called on.
 * @throws GoogleError 404, worded for a retired id or for one that never was (or cannot do the method).
 */
export function findModel(id: string, version: string, method: string): Model {
  const model = lookUpModel(id)
  if (model !== undefined) return model
  throw retiredModels.includes(id) ? retiredModel(id) : unknownModel(id, version, method)
}

/** What Google answers for an id that was switched off. */
export function retiredModel(id: string): GoogleError {
  return new GoogleError(
    "NOT_FOUND",
    `This model models/${id} is no longer available. Please update your code to use a newer model for the latest features and improvements.`,
  )
}

/** What Google answers for an id without that method, Imagen's `predict` included. */
export function unknownModel(id: string, version: string, method: string): GoogleError {
  return new GoogleError(
    "NOT_FOUND",
    `models/${id} is not found for API version ${version}, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`,
  )
}
