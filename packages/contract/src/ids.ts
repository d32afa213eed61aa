import { v7 } from "uuid"
import { z } from "zod"

export const idPrefixes = ["job", "bat", "ast", "whe", "evt", "dlv", "key", "req"] as const
export type IdPrefix = (typeof idPrefixes)[number]

const idBytes = 16
const pool = new Uint8Array(256 * idBytes)
let poolAt = pool.length

/** Random bytes by the page: asking the system for each id costs more than all the rest of making it. */
function randomBytes(): Uint8Array {
  if (poolAt === pool.length) {
    crypto.getRandomValues(pool)
    poolAt = 0
  }
  poolAt += idBytes
  return pool.subarray(poolAt - idBytes, poolAt)
}

let lastMs = 0
let sequence = 0

/** A new id: the prefix and a UUIDv7 (RFC 9562) without dashes, so that ids of one process sort by their making. */
export function newId(prefix: IdPrefix): string {
  const random = randomBytes()
  const now = Date.now()
  if (now > lastMs) {
    lastMs = now
    // Half of the range is left for the ids of the same millisecond.
    sequence = new DataView(random.buffer, random.byteOffset).getUint32(6) >>> 1
  } else {
    sequence += 1
  }
  const bytes = v7({ msecs: lastMs, seq: sequence, random }, new Uint8Array(idBytes))
  return `${prefix}_${bytes.toHex()}`
}

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
