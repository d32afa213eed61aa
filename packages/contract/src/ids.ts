import { v7 } from "uuid"
import { z } from "zod"

export const idPrefixes = ["job", "bat", "ast", "whe", "evt", "dlv", "key", "req"] as const
export type IdPrefix = (typeof idPrefixes)[number]

/** A new id: the prefix and a UUIDv7 (RFC 9562) without dashes, so that ids of one kind sort by time. */
export const newId = (prefix: IdPrefix): string => `${prefix}_${v7().replaceAll("-", "")}`

/** The schema of an id of one kind. */
export const idOf = (prefix: IdPrefix) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`), `expected an id that starts with ${prefix}_`)
    .describe(`An id: \`${prefix}_\` and 32 hexadecimal digits that sort by time.`)

/** When an id was made, from the 48 bits of milliseconds that a UUIDv7 starts with. */
export const idTime = (id: string): Date =>
  new Date(Number.parseInt(id.slice(id.indexOf("_") + 1).slice(0, 12), 16))

/** The lowest id of a kind that can have been made at that time; every earlier id sorts before it. */
export const lowestIdAt = (prefix: IdPrefix, time: Date): string =>
  `${prefix}_${Math.max(0, time.getTime()).toString(16).padStart(12, "0").slice(0, 12)}`
