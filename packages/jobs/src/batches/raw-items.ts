import type { BatchOptions } from "@kiln/contract"
import { BatchProduct, fieldErrorsOf } from "@kiln/contract"

import { isObject, type BatchRow, type RawItem } from "./batch-row.ts"

type Options = Pick<BatchOptions, "defaults" | "scenes" | "priority" | "deadline_seconds">

/** The items of a row: the row over the defaults, or the row as a product in each of the scenes. */
export function* rawItems(row: BatchRow, options: Options): Generator<RawItem> {
  const { line, value } = row
  if (!isObject(value)) {
    const errors = [{ pointer: "", code: "invalid_type", detail: "must be an object" }]
    yield { line, value, errors: row.errors.length > 0 ? row.errors : errors }
    return
  }
  const base = {
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.deadline_seconds === undefined ? {} : { deadline_seconds: options.deadline_seconds }),
    ...options.defaults,
  }
  if (!options.scenes) {
    yield { line, value: over(base, value), errors: row.errors }
    return
  }
  const product = BatchProduct.safeParse(value)
  const errors = [...row.errors, ...fieldErrorsOf(product.error?.issues ?? [], value)]
  if (errors.length > 0) {
    yield { line, value, errors }
    return
  }
  for (const { id, ...scene } of options.scenes) {
    const item = over(over(base, scene), value)
    yield { line, value: { ...item, custom_id: `${String(value["custom_id"])}/${id}` }, errors: [] }
  }
}

/** Fields over fields; a prompt takes the place of a template and the other way round. */
function over(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { prompt, template, variables, ...rest } = below
  const words =
    above["prompt"] !== undefined
      ? {}
      : above["template"] !== undefined
        ? { variables }
        : { prompt, template, variables }
  const merged: Record<string, unknown> = { ...rest, ...words, ...above }
  for (const group of ["metadata", "variables"] as const) {
    const [a, b] = [group === "variables" ? words.variables : below[group], above[group]]
    if (isObject(a) && isObject(b)) merged[group] = { ...a, ...b }
  }
  for (const name of Object.keys(merged)) if (merged[name] === undefined) delete merged[name]
  return merged
}
