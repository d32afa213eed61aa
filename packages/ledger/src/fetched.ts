import type { Scripts } from "./scripts.ts"

/** What became of a photo that items of a batch name by URL. */
export type FetchedPhoto =
  | { asset: { id: string; key: string; content_type: string; width: number; height: number } }
  | { failure: { code: "input_unreachable" | "input_unreadable"; message: string } }

/** A fetch takes no longer than this. */
const fetchMs = 60_000

/** Sees to it that a photo is fetched once for all items of a batch. */
export function createFetched({ scripts }: { scripts: Scripts }) {
  return {
    /** `mine`: fetch it and tell; `wait`: somebody does. */
    async claim(batch: string, urlHash: string, who: string): Promise<"mine" | "wait" | FetchedPhoto> {
      const answer = String(await scripts.run("fetch-once", batch, urlHash, who, fetchMs, "", 0))
      return answer === "mine" || answer === "wait" ? answer : (JSON.parse(answer) as FetchedPhoto)
    },

    async tell(batch: string, urlHash: string, photo: FetchedPhoto, forMs: number): Promise<void> {
      await scripts.run("fetch-once", batch, urlHash, "", 0, JSON.stringify(photo), forMs)
    },
  }
}
