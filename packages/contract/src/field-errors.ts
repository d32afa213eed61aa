import type { z } from "zod"

import { Refusal, type FieldError } from "./failures.ts"
import { pointerOf } from "./pointer.ts"

type Issue = z.core.$ZodIssue

/** What zod found wrong in `input` as a refusal that names every field. */
export function refuseFields(issues: readonly Issue[], input: unknown): Refusal {
  const errors = fieldErrorsOf(issues, input)
  const code = errors.every((error) => error.code === "unknown_field") ? "unknown_field" : "invalid_request"
  const sentences = errors
    .slice(0, 5)
    .map(({ pointer, detail }) => `${pointer.slice(1) || "body"}: ${detail}`)
  const more = errors.length > 5 ? `; and ${errors.length - 5} more` : ""
  return new Refusal(code, sentences.join("; ") + more, { errors: errors.slice(0, 100) })
}

/** What zod found wrong in `input`, field by field. */
export const fieldErrorsOf = (issues: readonly Issue[], input: unknown): FieldError[] =>
  issues.flatMap((issue) => fieldErrors(issue, input))

function fieldErrors(issue: Issue, input: unknown): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      code: "unknown_field",
      detail: "there is no such field",
    }))
  }
  if (issue.code === "invalid_union") return unionErrors(issue, input)
  const pointer = pointerOf(issue.path)
  if (valueAt(input, issue.path) === undefined) {
    // A rule of our own says more than that a field is missing.
    const detail = issue.code === "custom" ? issue.message : "is required"
    return [{ pointer, code: "required", detail }]
  }
  return [{ pointer, code: codeOf(issue), detail: detailOf(issue) }]
}

/** Of several shapes that a value may have, the one that it comes nearest to says what is wrong. */
function unionErrors({ path, errors }: z.core.$ZodIssueInvalidUnion, input: unknown): FieldError[] {
  const [nearest = []] = errors.toSorted((a, b) => weightOf(a) - weightOf(b))
  return nearest.flatMap((issue) => fieldErrors({ ...issue, path: [...path, ...issue.path] }, input))
}

/** A field that the shape does not have says more against it than one that is wrong. */
const weightOf = (issues: readonly Issue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? 10 * issue.keys.length : 1), 0)

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, part)
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    input,
  )

const codeOf = ({ code }: Issue): string => (code === "custom" ? "invalid_value" : code)

function detailOf(issue: Issue): string {
  const isZodsOwn = /^(Invalid|Too)/.test(issue.message)
  if (!isZodsOwn) return issue.message
  if (issue.code === "invalid_value") {
    return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`
  }
  if (issue.code === "too_small") {
    return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue)}`
  }
  if (issue.code === "too_big") {
    return `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue)}`
  }
  const said = issue.message.replace(/^Invalid input: /, "")
  return said.charAt(0).toLowerCase() + said.slice(1)
}

function unitOf({ origin }: { origin: string }): string {
  if (origin === "string") return " characters"
  return origin === "array" || origin === "set" ? " entries" : ""
}
