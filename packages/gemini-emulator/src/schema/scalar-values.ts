import type { Scalar } from "./message.ts"

/** How a scalar is named in messages, and how it is read; `undefined` means that the value is not one. */
export const scalarValues: Record<Scalar, { label: string; read(value: unknown): unknown }> = {
  string: { label: "TYPE_STRING", read: (value) => (typeof value === "string" ? value : undefined) },
  bytes: {
    label: "TYPE_BYTES",
    read: (value) => (typeof value === "string" && isBase64(value) ? value : undefined),
  },
  bool: { label: "TYPE_BOOL", read: (value) => booleans.get(value) },
  int32: { label: "TYPE_INT32", read: (value) => readInteger(value, 2 ** 31) },
  int64: { label: "TYPE_INT64", read: (value) => readInteger(value, 2 ** 63) },
  float: { label: "TYPE_FLOAT", read: (value) => readNumber(value) },
  any: { label: "TYPE_MESSAGE", read: (value) => value },
}

const booleans = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ["true", true],
  ["false", false],
])

/** Standard or URL-safe alphabet, padding optional, as proto3 JSON reads it. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) && text.replace(/=+$/, "").length % 4 !== 1
}

// proto3 JSON writes large integers as strings and therefore reads numbers from strings too.
function readNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) ? number : undefined
}

function readInteger(value: unknown, limit: number): number | undefined {
  const number = readNumber(value)
  return number !== undefined && Number.isInteger(number) && number >= -limit && number < limit
    ? number
    : undefined
}
