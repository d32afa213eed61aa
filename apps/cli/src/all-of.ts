import type { Page } from "@kiln/contract"

/** More than anybody reads. */
const mostPages = 100

/** Everything in a list, page after page. */
export async function allOf<Item>(
  page: (after: string | undefined) => Promise<Pick<Page<Item>, "data" | "has_more" | "last_id">>,
): Promise<Item[]> {
  const all: Item[] = []
  let after: string | undefined
  for (let pages = 0; pages < mostPages; pages++) {
    const { data, has_more: hasMore, last_id: last } = await page(after)
    all.push(...data)
    if (!hasMore || last === null) break
    after = last
  }
  return all
}
