import { z } from "zod"

/** The environment cannot be used; the message has one sentence a variable and no values. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError"

  constructor(message: string) {
    super(message)
    // Whoever set the variable is helped by the sentence, not by our line numbers.
    this.stack = `${this.name}: ${message}`
  }
}

export type EnvRow = { name: string; default: string; description: string }

/**
 * Parses the environment once, at the top of a `main.ts`; an empty variable counts as absent.
 * Throws ConfigurationError.
 */
export function readEnv<Shape extends z.ZodRawShape>(
  shape: Shape,
  source: NodeJS.ProcessEnv = process.env,
): z.infer<z.ZodObject<Shape>> {
  const present = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""))
  const result = z.object(shape).safeParse(present)
  if (result.success) return result.data
  const sentences = result.error.issues.map((issue) => explain(issue, shape, present))
  throw new ConfigurationError([...new Set(sentences)].join("\n"))
}

/** One row a variable, for the tables in the documentation; without a default, `default` is empty. */
export function describeEnv(shape: z.ZodRawShape): EnvRow[] {
  return Object.entries(shape).map(([name, schema]) => ({
    name,
    default: defaultOf(schema),
    description: descriptionOf(schema),
  }))
}

function explain(issue: z.core.$ZodIssue, shape: z.ZodRawShape, present: Record<string, unknown>): string {
  const name = String(issue.path[0])
  const schema = shape[name]
  const purpose = schema === undefined ? "" : descriptionOf(schema)
  const aside = purpose === "" ? "" : ` (${purpose.replace(/\.$/, "")})`
  return `${name}${aside} ${present[name] === undefined ? "is not set." : `${fault(issue)}.`}`
}

/** Says what is wrong without the value, which may be a secret. */
function fault(issue: z.core.$ZodIssue): string {
  if (!/^(Invalid|Too)/.test(issue.message)) return withoutStop(issue.message)
  if (issue.code === "invalid_type")
    return `must be a ${issue.expected === "int" ? "whole number" : issue.expected}`
  if (issue.code === "too_small") {
    return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unit(issue.origin)}`
  }
  if (issue.code === "too_big") {
    return `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unit(issue.origin)}`
  }
  if (issue.code === "invalid_value") {
    return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`
  }
  if (issue.code === "invalid_format" && issue.format !== "regex") return `must be a valid ${issue.format}`
  return "has a wrong form"
}

function unit(origin: string): string {
  if (origin === "string") return " characters long"
  return origin === "array" ? " entries" : ""
}

function withoutStop(message: string): string {
  return message.replace(/\.$/, "")
}

function defaultOf(schema: z.core.$ZodType): string {
  const result = z.safeParse(schema, undefined)
  const value: unknown = result.success ? result.data : undefined
  if (value === undefined || value === null) return ""
  if (typeof value === "string") return value
  return Array.isArray(value) ? value.join(",") : JSON.stringify(value)
}

/** A description given before `.default()` or a transform stays on the inner schema: look there too. */
function descriptionOf(schema: z.core.$ZodType): string {
  const own = z.globalRegistry.get(schema)?.description
  if (own !== undefined) return own
  const { def } = schema._zod
  const inner = "innerType" in def ? def.innerType : "in" in def ? def.in : undefined
  return inner instanceof z.core.$ZodType ? descriptionOf(inner) : ""
}
