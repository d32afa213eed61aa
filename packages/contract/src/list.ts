import { z } from "zod"

import { numberIn } from "./number-in.ts"

/** A page of a list, newest first. */
export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    object: z.literal("list"),
    data: z.array(item),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable().describe("Give it as `after` for the next page."),
  })

export type Page<Item> = {
  object: "list"
  data: Item[]
  has_more: boolean
  first_id: string | null
  last_id: string | null
}

/** `limit` and `after` as every list takes them. */
export const paging = {
  limit: numberIn(z.int().min(1).max(100).default(20)).describe("How many, at most 100."),
  after: z.string().max(64).optional().describe("The `last_id` of the page before."),
}
