/** A JSON object whose fields are read one by one. */
export type JsonObject = { [name: string]: unknown }

/** Whether a parsed JSON value is an object (and not null or a list). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
