import { readFileSync } from "node:fs"

const source = (name: string) => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8")

/** A statement of the library: what it defines, what it uses, and its text without comments. */
type Statement = { defines: readonly string[]; uses: ReadonlySet<string>; text: string }

/** What scripts may use, in this order. */
const library = [
  "clock",
  "quota",
  "quota-lessons",
  "circuits",
  "deliveries",
  "events",
  "lib",
  "turns",
  "budgets",
].flatMap((name) => statementsOf(source(name)))

const fence = withoutComments(source("fence"))

/** A script as Redis gets it. */
export const scriptText = (name: string): string => withLibrary(fence + source(name))

/**
 * A script behind the statements of the library that it needs. Redis runs all that is there at every call, and what a
 * script does not use would cost more than what most of them do.
 */
export function withLibrary(script: string): string {
  const needed = new Set(wordsOf(script))
  const taken = new Set<Statement>()
  // What a statement uses may stand after it: a function is declared first, and written where others know it.
  for (let before = -1; before < taken.size;) {
    before = taken.size
    for (const statement of library) {
      if (taken.has(statement) || !statement.defines.some((word) => needed.has(word))) continue
      taken.add(statement)
      for (const word of statement.uses) needed.add(word)
    }
  }
  return [...library.filter((statement) => taken.has(statement)).map(({ text }) => text), script].join("\n")
}

/** A statement starts where a line is not indented, unless that line ends one. */
function statementsOf(lua: string): Statement[] {
  return withoutComments(lua)
    .split(/\n+(?!\s|end\b|[})\]])/)
    .filter((text) => text.trim() !== "")
    .map((text) => {
      const defines = definedBy(text)
      return { defines, uses: new Set(wordsOf(text)), text: text.trimEnd() }
    })
}

function withoutComments(lua: string): string {
  return lua.replaceAll(/^\s*--.*\n?/gm, "")
}

function definedBy(statement: string): string[] {
  const found =
    /^local function (\w+)|^local ([\w, ]+)|^function (\w+\.\w+)|^(\w+) = /.exec(statement)?.slice(1) ?? []
  const names = found.find((each) => each !== undefined)
  if (names === undefined) throw new Error(`This statement of the library defines nothing: ${statement}`)
  return names.split(",").map((name) => name.trim())
}

/** The names in a script; a field only with the table that it is of. Two dots join texts. */
function wordsOf(lua: string): string[] {
  const code = withoutComments(lua).replaceAll(/'[^'\n]*'/g, "''")
  const words = code.match(/(?<!\w|[^.]\.)[A-Za-z_]\w*(?:\.\w+)?/g) ?? []
  return words.flatMap((word) => (word.includes(".") ? [word, word.replace(/\..*/, "")] : [word]))
}
