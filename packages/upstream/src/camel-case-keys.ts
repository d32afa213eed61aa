/** Parsed JSON with every snake_case key in camelCase, as some gateways answer; nesting is bounded by who read it. */
export function camelCaseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCaseKeys)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [camelCase(key), camelCaseKeys(inner)]),
  )
}

const camelCase = (key: string) =>
  key.replaceAll(/(?<=[a-z0-9])_([a-z0-9])/g, (_, next: string) => next.toUpperCase())
