import type { Page } from "@kiln/contract"
import type { Request, Response } from "express"

type Listed<Item> = { items: Item[]; hasMore: boolean; lastId: string | null }

/** A page of a list, with the link to the next one in the answer's head. */
export function pageOf<Item extends { id: string }>(
  { items, hasMore, lastId }: Listed<Item>,
  { req, res, publicUrl }: { req: Request; res: Response; publicUrl: string },
): Page<Item> {
  if (hasMore && lastId !== null) {
    const [path = "", query = ""] = req.originalUrl.split("?", 2)
    const next = new URLSearchParams(query)
    next.set("after", lastId)
    res.setHeader("Link", `<${publicUrl}${path}?${next.toString()}>; rel="next"`)
  }
  return {
    object: "list",
    data: items,
    has_more: hasMore,
    first_id: items[0]?.id ?? null,
    last_id: lastId,
  }
}
