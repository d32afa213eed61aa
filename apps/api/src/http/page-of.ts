import type { Page } from "@kiln/contract"
import type { Request, Response } from "express"

type Listed<Item> = { items: Item[]; hasMore: boolean; lastId: string | null }

type Linked = { req: Request; res: Response; publicUrl: string }

/** Says in the answer's head where the next page is. */
export function linkNext(after: string, { req, res, publicUrl }: Linked): void {
  const [path = "", query = ""] = req.originalUrl.split("?", 2)
  const next = new URLSearchParams(query)
  next.set("after", after)
  res.setHeader("Link", `<${publicUrl}${path}?${next.toString()}>; rel="next"`)
}

/** A page of a list, with the link to the next one in the answer's head. */
export function pageOf<Item extends { id: string }>(
  { items, hasMore, lastId }: Listed<Item>,
  { req, res, publicUrl }: Linked,
): Page<Item> {
  if (hasMore && lastId !== null) linkNext(lastId, { req, res, publicUrl })
  return {
    object: "list",
    data: items,
    has_more: hasMore,
    first_id: items[0]?.id ?? null,
    last_id: lastId,
  }
}
