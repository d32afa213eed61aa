import { ModelEntry, Refusal, type Model, type ModelStatus, type Warning } from "@kiln/contract"
import { z } from "zod"

import { builtInModels } from "./registry.ts"

/** A model that was asked for, and what the caller should know about it. */
export type Resolved = { model: ModelEntry; requested: string; warnings: Warning[] }

export type Models = {
  /** Finds a model by id or alias; none given is the default. Throws `invalid_request` for an unknown one. */
  resolve(name: string | undefined, now: Date): Resolved
  get(id: string): ModelEntry | undefined
  /** `gone`: ids of those that the upstream does not serve. */
  list(now: Date, gone?: ReadonlySet<string>): Model[]
  entries(): readonly ModelEntry[]
}

const Overrides = z.array(z.looseObject({ id: z.string() }))

/**
 * The model registry: the built-in entries, with those of a deployment added or laid over them field by field.
 * Throws an Error that names the entry and the field when one is not usable.
 */
export function createModels(options: { defaultModel: string; overrides?: unknown }): Models {
  const entries = merge(options.overrides)
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const byAlias = new Map(entries.flatMap((entry) => entry.aliases.map((alias) => [alias, entry] as const)))
  const find = (name: string) => byId.get(name) ?? byAlias.get(name)
  const defaultEntry = find(options.defaultModel)
  if (!defaultEntry) throw new Error(`The default model ${options.defaultModel} is not in the model registry`)
  return {
    resolve(name, now) {
      const requested = name ?? defaultEntry.id
      const model = find(requested)
      if (!model) throw unknownModel(requested, entries)
      return { model, requested, warnings: warningsOf(requested, model, now) }
    },
    get: (id) => byId.get(id),
    list: (now, gone) =>
      entries.map((entry) => {
        const model = publicModel(entry, entry.id === defaultEntry.id, now)
        return gone?.has(entry.id) ? { ...model, status: "unavailable" } : model
      }),
    entries: () => entries,
  }
}

function merge(overrides: unknown): ModelEntry[] {
  const merged = new Map<string, unknown>(builtInModels.map((entry) => [entry.id, entry]))
  for (const entry of Overrides.parse(overrides ?? [])) {
    merged.set(entry.id, { ...(merged.get(entry.id) as object | undefined), ...entry })
  }
  return [...merged.entries()]
    .map(([id, entry]) => {
      const parsed = ModelEntry.safeParse(entry)
      if (!parsed.success) throw new Error(`Model ${id} of the registry: ${z.prettifyError(parsed.error)}`)
      return parsed.data
    })
    .toSorted((a, b) => a.sort_order - b.sort_order)
}

function unknownModel(requested: string, entries: readonly ModelEntry[]): Refusal {
  const known = entries.map((entry) => entry.id).join(", ")
  const detail = `there is no model ${JSON.stringify(requested)}; known: ${known}`
  return new Refusal("invalid_request", `model: ${detail}`, {
    errors: [{ pointer: "/model", code: "unknown_model", detail }],
  })
}

function warningsOf(requested: string, model: ModelEntry, now: Date): Warning[] {
  const warnings: Warning[] = []
  if (requested !== model.id) {
    warnings.push({ code: "model_replaced", detail: `${requested} is served by ${model.id}` })
  }
  if (model.retires_on && statusOf(model, now) !== "available") {
    const successor = model.replaced_by ? `; its successor is ${model.replaced_by}` : ""
    warnings.push({
      code: "model_retiring",
      detail: `the upstream announced the end of ${model.id} for ${model.retires_on}${successor}`,
    })
  }
  return warnings
}

const noticeMs = 30 * 24 * 3_600_000

/** An announced date in the past is still called: the upstream decides when a model is really gone. */
function statusOf(model: ModelEntry, now: Date): ModelStatus {
  if (!model.retires_on) return "available"
  const left = Date.parse(model.retires_on) - now.getTime()
  return left > noticeMs ? "available" : left > 0 ? "retiring" : "retired"
}

function publicModel(entry: ModelEntry, isDefault: boolean, now: Date): Model {
  const { id, name, description, group, sort_order, api_model, capabilities, prices } = entry
  return {
    object: "model",
    id,
    name,
    description,
    group,
    sort_order,
    api_model,
    aliases: entry.aliases,
    capabilities,
    prices,
    status: statusOf(entry, now),
    retires_on: entry.retires_on,
    replaced_by: entry.replaced_by,
    default: isDefault,
  }
}
