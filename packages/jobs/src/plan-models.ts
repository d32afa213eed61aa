import { Refusal, type FieldError, type ModelEntry, type Parameters, type Warning } from "@kiln/contract"

import { checkCapabilities, shortcomings } from "./capabilities.ts"
import { laneOf } from "./lane.ts"
import type { Models } from "./models.ts"

type Asked = {
  names: { model: string | undefined; fallbacks: readonly string[] }
  parameters: Parameters
  /** Images to edit; undefined where there are words alone. */
  inputs: number | undefined
  /** Whether a model that nobody named is within the caller's budget. */
  isAffordable: (model: ModelEntry) => boolean
  now: Date
}

/** Which models may make a job, in their order. */
type Plan = {
  model: ModelEntry
  requested: string
  warnings: Warning[]
  /** The model and the fallbacks that were named. */
  named: ModelEntry[]
  lane: string
}

/**
 * Finds the models of a request. Each that is named has to be able to do all of it; the registry's successors of
 * retired models join where they are. Throws `invalid_request` with the field for one that is unknown or unable.
 */
export function planModels(models: Models, asked: Asked): Plan {
  const { names, parameters, inputs, isAffordable, now } = asked
  const { model, requested, warnings } = models.resolve(names.model, now)
  checkCapabilities(model, parameters, inputs)
  const fallbacks = names.fallbacks.map((name, index) => fallbackOf(models, name, index, asked))
  const named = [...new Map([model, ...fallbacks].map((entry) => [entry.id, entry])).values()]
  const successors = named
    .flatMap((entry) => successorsOf(models, entry))
    .filter((entry) => !named.includes(entry) && isAffordable(entry))
    .filter((entry) => shortcomings(entry, parameters, inputs).length === 0)
  const lane = laneOf(model.id, [
    ...named.slice(1).map(({ id }) => ({ model: id, isSuccessor: false })),
    ...new Set(successors).values().map(({ id }) => ({ model: id, isSuccessor: true })),
  ])
  return { model, requested, warnings, named, lane }
}

function fallbackOf(models: Models, name: string, index: number, asked: Asked): ModelEntry {
  const pointer = `/fallback_models/${index}`
  const { model } = naming(pointer, () => models.resolve(name, asked.now))
  const errors = shortcomings(model, asked.parameters, asked.inputs).map(
    ({ pointer: field, code, detail }) => ({
      pointer,
      code,
      detail: `${model.id} cannot take this request over: ${field.slice(1)}: ${detail}`,
    }),
  )
  if (errors.length > 0) throw refused(errors)
  return model
}

/** The refusal of an unknown model, at the field where it was named. */
function naming<Result>(pointer: string, find: () => Result): Result {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw refused(error.errors.map(({ code, detail }) => ({ pointer, code, detail })))
  }
}

const refused = (errors: FieldError[]) =>
  new Refusal(
    "invalid_request",
    errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join("; "),
    {
      errors,
    },
  )

/** Whatever the registry says of each other, in the order in which they replaced each other. */
function successorsOf(models: Models, model: ModelEntry): ModelEntry[] {
  const found: ModelEntry[] = []
  for (let next = after(models, model); next && next !== model && !found.includes(next);) {
    found.push(next)
    next = after(models, next)
  }
  return found
}

const after = (models: Models, { replaced_by: id }: ModelEntry): ModelEntry | undefined =>
  id === null ? undefined : models.get(id)
