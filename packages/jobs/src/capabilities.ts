import { Refusal, type FieldError, type ModelEntry, type Parameters } from "@kiln/contract"

/**
 * Refuses what the model cannot do before anything is queued or spent; names every field at once. `inputs` is the
 * number of images to edit, undefined where there are words alone.
 */
export function checkCapabilities(model: ModelEntry, parameters: Parameters, inputs?: number): void {
  const errors = shortcomings(model, parameters, inputs)
  if (errors.length === 0) return
  const message = errors.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`).join("; ")
  throw new Refusal("invalid_request", message, { errors })
}

/** The fields of a request that the model cannot serve; none when it can. */
export const shortcomings = (model: ModelEntry, parameters: Parameters, inputs?: number): FieldError[] => [
  ...unsuited(model, inputs),
  ...lacking(model, parameters),
]

const unsupported = (pointer: string, detail: string): FieldError[] => [
  { pointer, code: "unsupported_by_model", detail },
]

function unsuited({ id, capabilities: can }: ModelEntry, inputs: number | undefined): FieldError[] {
  if (inputs === undefined) return can.generate ? [] : unsupported("/model", `${id} only edits`)
  if (!can.edit) return unsupported("/model", `${id} does not edit images`)
  const most = can.max_input_images
  return inputs > most ? unsupported("/images", `${id} takes at most ${most}, not ${inputs}`) : []
}

function lacking({ id, capabilities: can }: ModelEntry, asked: Parameters): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (field: keyof Parameters, detail: string) =>
    errors.push({ pointer: `/${field}`, code: "unsupported_by_model", detail })
  const oneOf = <Value extends string>(
    field: keyof Parameters,
    value: Value | undefined,
    known: readonly Value[],
  ) => {
    if (value === undefined || known.includes(value)) return
    refuse(field, known.length > 0 ? `${id} has ${known.join(", ")}` : `${id} does not take it`)
  }
  oneOf("aspect_ratio", asked.aspect_ratio, can.aspect_ratios)
  oneOf("image_size", asked.image_size, can.image_sizes)
  oneOf("thinking_level", asked.thinking_level, can.thinking_levels)
  if (asked.include_text && !can.text) refuse("include_text", `${id} gives no text`)
  if (asked.seed !== undefined && !can.seed) refuse("seed", `${id} takes no seed`)
  for (const source of asked.grounding ?? []) oneOf("grounding", source, can.grounding)
  return errors
}
