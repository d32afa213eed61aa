import { KilnError, KilnUnreachable } from "@kiln/client"

import { exitCodeOf, Interrupted, RowsRefused, type RefusedRow } from "./exit-codes.ts"
import { plural } from "./in-words.ts"
import { table } from "./table.ts"

/** An error for people, with what to do about it where that is known. */
export function explain(error: unknown, url: string): string {
  if (error instanceof RowsRefused) return `${refusedRows(error.rows)}\n${error.message}`
  if (error instanceof KilnUnreachable) return `${url} cannot be reached: ${error.message}. Is Kiln running?`
  if (error instanceof KilnError) return refusal(error)
  return error instanceof Error ? error.message : String(error)
}

function refusal({ status, code, message, problem }: KilnError): string {
  const { errors = [], request_id: id } = problem
  if (status === 401) return `${message} (unauthorized): give a key with --key or KILN_API_KEY`
  const about = `${message} (${code ?? status}${id === undefined ? "" : `, ${id}`})`
  if (code === "batch_invalid") return `${refusedRows(errors)}\n${about}`
  // The message names the only field itself.
  return errors.length > 1 ? `${about}\n${fields(errors)}` : about
}

/** Rows and what is wrong with them, a line each. */
export function refusedRows(rows: readonly RefusedRow[]): string {
  return table(
    ["LINE", "CUSTOM_ID", "FIELD", "WHAT IS WRONG"],
    rows.map(({ line, custom_id, pointer, detail }) => [
      line === null || line === undefined ? "–" : String(line),
      custom_id ?? "–",
      pointer === "" ? "–" : pointer.slice(1),
      detail,
    ]),
  )
}

const fields = (errors: readonly RefusedRow[]): string =>
  table(
    ["FIELD", "WHAT IS WRONG"],
    errors.map(({ pointer, detail }) => [pointer.slice(1), detail]),
  )

/** The same for scripts. */
export function errorAsJson(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error)
  const problem = error instanceof KilnError ? error.problem : {}
  const errors = error instanceof RowsRefused ? error.rows : (problem.errors ?? [])
  return {
    error: {
      code: codeOf(error),
      message,
      ...(problem.request_id === undefined ? {} : { request_id: problem.request_id }),
      errors,
      exit_code: exitCodeOf(error),
    },
  }
}

function codeOf(error: unknown): string {
  if (error instanceof KilnError) return error.code ?? `http_${error.status}`
  if (error instanceof KilnUnreachable) return "unreachable"
  if (error instanceof Interrupted) return "interrupted"
  if (error instanceof RowsRefused) return "batch_invalid"
  return exitCodeOf(error) === 2 ? "usage" : "failed"
}

export const savedInWords = (saved: number, there: number, folder: string): string =>
  `${plural(saved, "image")} saved in ${folder}${there > 0 ? `, ${there} were there already` : ""}`
