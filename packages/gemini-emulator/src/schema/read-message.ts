import { isObject, type JsonObject } from "../json.ts"
import type { EnumType, Field, MessageType } from "./message.ts"
import { scalarValues } from "./scalar-values.ts"

/** What is wrong with one field; `field` is absent for names at the root. */
export type Violation = { field?: string; description: string }

type Reading = { version: string; violations: Violation[] }

/**
 * Reads JSON as a protobuf message the way Google's front end does: camelCase and snake_case names, unknown names
 * refused, one value taken for a list of one. Returns the value under camelCase names, and every violation found.
 */
export function readMessage(
  type: MessageType,
  json: unknown,
  version: string,
): { value: JsonObject; violations: Violation[] } {
  const reading: Reading = { version, violations: [] }
  if (isObject(json)) return { value: readFields(type, json, "", reading), violations: reading.violations }
  reading.violations.push(unknownName("", "", "Root element must be a message."))
  return { value: {}, violations: reading.violations }
}

function readFields(type: MessageType, json: JsonObject, path: string, reading: Reading): JsonObject {
  const value: JsonObject = {}
  const setOneofs = new Set<string>()
  const names = fieldNames(type)
  for (const [given, raw] of Object.entries(json)) {
    const name = names.get(given)
    const field = name === undefined ? undefined : type.fields[name]
    if (name === undefined || field === undefined) {
      reading.violations.push(unknownName(given, path, "Cannot find field."))
      continue
    }
    if (raw === null) continue
    if (field.oneof !== undefined && setOneofs.has(field.oneof)) {
      const description = `oneof field '${field.oneof}' is already set. Cannot set '${given}'`
      reading.violations.push(invalidValue(path, "oneof", description))
      continue
    }
    if (field.oneof !== undefined) setOneofs.add(field.oneof)
    const read = readField(field, raw, { given, name: snakeCase(name), parent: path }, reading)
    if (read !== undefined) value[name] = read
  }
  return value
}

type Place = { given: string; name: string; parent: string }

function readField(field: Field, raw: unknown, place: Place, reading: Reading): unknown {
  const path = place.parent === "" ? place.name : `${place.parent}.${place.name}`
  if (field.isMap === true) return readMap(field, raw, path, reading)
  if (field.isRepeated === true) {
    const items: unknown[] = Array.isArray(raw) ? raw : [raw]
    return items.map((item, index) =>
      readValue(field.type, item, { ...place, path: `${path}[${index}]` }, reading),
    )
  }
  if (Array.isArray(raw) && field.type !== "any") {
    const reason = "Proto field is not repeating, cannot start list."
    reading.violations.push(unknownName(place.given, place.parent, reason))
    return undefined
  }
  return readValue(field.type, raw, { ...place, path }, reading)
}

function readMap(field: Field, raw: unknown, path: string, reading: Reading): unknown {
  if (!isObject(raw)) {
    reading.violations.push(invalidValue(path, "Map", JSON.stringify(raw)))
    return undefined
  }
  const entries = Object.entries(raw).map(([key, item], index) => {
    const place = { given: key, name: "value", parent: path, path: `${path}[${index}].value` }
    return [key, readValue(field.type, item, place, reading)] as const
  })
  return Object.fromEntries(entries)
}

function readValue(
  type: Field["type"],
  raw: unknown,
  place: Place & { path: string },
  reading: Reading,
): unknown {
  if (typeof type === "object" && "message" in type) {
    if (isObject(raw)) return readFields(type, raw, place.path, reading)
    const label = typeLabel(type.message, reading.version)
    reading.violations.push(invalidValue(place.path, label, JSON.stringify(raw)))
    return undefined
  }
  if (type !== "any" && isObject(raw)) {
    reading.violations.push(invalidValue(place.path, place.name, "Starting an object on a scalar field"))
    return undefined
  }
  const read = typeof type === "object" ? readEnum(type, raw) : scalarValues[type].read(raw)
  if (read === undefined) {
    const label = typeof type === "object" ? typeLabel(type.enum, reading.version) : scalarValues[type].label
    const isBadBase64 = type === "bytes" && typeof raw === "string"
    const shown = isBadBase64 ? `Base64 decoding failed for ${JSON.stringify(raw)}` : JSON.stringify(raw)
    reading.violations.push(invalidValue(place.path, label, shown))
  }
  return read
}

function readEnum(type: EnumType, raw: unknown): string | undefined {
  if (typeof raw === "number") return type.values[raw]
  return type.values.find(
    (value) => value === raw || (type.isCaseTolerant && value === String(raw).toUpperCase()),
  )
}

function typeLabel(name: string, version: string): string {
  return `type.googleapis.com/google.ai.generativelanguage.${version}.${name}`
}

function unknownName(name: string, parent: string, reason: string): Violation {
  const at = parent === "" ? "" : ` at '${parent}'`
  const description = `Invalid JSON payload received. Unknown name "${name}"${at}: ${reason}`
  return parent === "" ? { description } : { field: parent, description }
}

function invalidValue(path: string, label: string, shown: string): Violation {
  return { field: path, description: `Invalid value at '${path}' (${label}), ${shown}` }
}

const namesOfMessages = new WeakMap<MessageType, Map<string, string>>()

function fieldNames(type: MessageType): Map<string, string> {
  const known = namesOfMessages.get(type)
  if (known !== undefined) return known
  const names = new Map(
    Object.keys(type.fields).flatMap((name) => [
      [snakeCase(name), name],
      [name, name],
    ]),
  )
  namesOfMessages.set(type, names)
  return names
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
