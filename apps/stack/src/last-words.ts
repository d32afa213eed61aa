import { errorIn } from "./error-in.ts"

/** Why a process ended, from its last lines: its own sentence where it said one, otherwise all of them. */
export function lastWords(lines: readonly string[]): string {
  const text = lines.join("\n")
  const refused = /\[ConfigurationError: ([\s\S]+?)\]$/m.exec(text)?.[1]
  return refused ?? lines.map(errorIn).findLast((error) => error !== undefined) ?? text
}
