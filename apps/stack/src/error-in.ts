const ERROR_LEVEL = 50
const LONGEST = 300

/** What a line of a pino log says if it is an error, in short; undefined for any other line. */
export function errorIn(line: string): string | undefined {
  if (!line.startsWith("{")) return undefined
  const entry = parse(line)
  if (typeof entry["level"] !== "number" || entry["level"] < ERROR_LEVEL) return undefined
  const { err } = entry
  const cause = typeof err === "object" && err !== null && "message" in err ? err.message : undefined
  return [entry["msg"], cause]
    .filter((part) => typeof part === "string" && part !== "")
    .join(": ")
    .slice(0, LONGEST)
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
