/** The scalar kinds of protobuf that the API uses; `any` is passed on unread. */
export type Scalar = "string" | "bytes" | "bool" | "int32" | "int64" | "float" | "any"

/** An enum: its name below the API's package and its values by number. */
export type EnumType = { enum: string; values: readonly string[]; isCaseTolerant?: true }

/** A message: its name below the API's package and its fields by camelCase name. */
export type MessageType = { message: string; fields: Readonly<Record<string, Field>> }

export type Field = {
  type: Scalar | EnumType | MessageType
  /** A list of `type`. */
  isRepeated?: true
  /** A map from strings to `type`. */
  isMap?: true
  /** The oneof that the field belongs to: at most one of its fields may be set. */
  oneof?: string
}

/** A single field. */
export function one(type: Field["type"]): Field {
  return { type }
}

/** A repeated field. */
export function many(type: Field["type"]): Field {
  return { type, isRepeated: true }
}

/** A field of a oneof. */
export function oneOf(oneof: string, type: Field["type"]): Field {
  return { type, oneof }
}
