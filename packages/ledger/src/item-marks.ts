import { terminalStatuses, type TerminalStatus } from "@kiln/contract"
import type { Redis } from "ioredis"

import type { BatchRecord } from "./batch-record.ts"

/** How each item ended, as far as it has: a bit an item and status, so that 100 000 of them are 50 KB. */
export type ItemMarks = { endOf(index: number): TerminalStatus | undefined }

export function createItemMarks({ redis, prefix }: { redis: Redis; prefix: string }) {
  return {
    async marks({ id, cut }: Pick<BatchRecord, "id" | "cut">): Promise<ItemMarks> {
      const bits = await Promise.all(
        terminalStatuses.map((status) => redis.getBuffer(`${prefix}:batch-${status}:${id}`)),
      )
      return {
        endOf(index) {
          if (cut !== null && index >= cut.from) return cut.as
          const at = bits.findIndex((each) => isSet(each, index))
          return terminalStatuses[at]
        },
      }
    },
  }
}

const isSet = (bits: Buffer | null, index: number): boolean =>
  (((bits?.[index >> 3] ?? 0) >> (7 - (index & 7))) & 1) === 1
