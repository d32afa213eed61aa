import { JobFailure, type FieldError } from "@kiln/contract"
import { EgressError } from "@kiln/egress"

/** What is wrong with an image that was given there; undefined when the fault is not the image's. */
export function inputError(pointer: string, error: unknown): FieldError | undefined {
  const isInputs =
    error instanceof EgressError || (error instanceof JobFailure && error.code === "input_unreadable")
  return isInputs ? { pointer, code: error.code, detail: error.message } : undefined
}
