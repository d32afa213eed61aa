import { JobFailure, type FieldError } from "@kiln/contract"
import { EgressError } from "@kiln/egress"
import { guidancePath, isGuidanceCode } from "@kiln/jobs"

/** What is wrong with an image that was given there; undefined when the fault is not the image's. */
export function inputError(pointer: string, error: unknown): FieldError | undefined {
  const isInputs =
    error instanceof EgressError || (error instanceof JobFailure && error.code.startsWith("input_"))
  if (!isInputs) return undefined
  if (error instanceof EgressError || error.reason === undefined) {
    return { pointer, code: error.code, detail: error.message }
  }
  const { reason, message } = error
  const page = isGuidanceCode(reason) ? `; see ${guidancePath(reason)}` : ""
  return { pointer, code: reason, detail: message + page }
}
