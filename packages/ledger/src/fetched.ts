import type { Scripts } from "./scripts.ts"

/** What became of a photo that items of a batch name by URL. */
export type FetchedPhoto =
  | { asset: { id: string; key: string; content_type: string; width: number; height: number } }
  | { failure: { code: "input_unreachable" | "input_unreadable"; message: string; failures: number } }

/** A fetch takes no longer than this. */
const fetchMs = 60_000

/** Sees to it that a photo is fetched once for all items of a batch. */
export function createFetched({ scripts }: { scripts: Scripts }) {
  return {
    /** `failures`: fetch it and tell, so many tries failed before; `wait`: somebody does. */
    async claim(
      batch: string,
      urlHash: string,
      who: string,
    ): Promise<{ failures: number } | "wait" | FetchedPhoto> {
      const args = [batch, urlHash, who, fetchMs, "", 0] as const
      const [kind, known = ""] = (await scripts.run("fetch-once", ...args)) as [string, string?]
      if (kind === "wait") return kind
      const photo = known === "" ? undefined : (JSON.parse(known) as FetchedPhoto)
      if (photo && kind === "known") return photo
      return { failures: photo && "failure" in photo ? photo.failure.failures : 0 }
    },

    async tell(batch: string, urlHash: string, photo: FetchedPhoto, forMs: number): Promise<void> {
      await scripts.run("fetch-once", batch, urlHash, "", 0, JSON.stringify(photo), forMs)
    },
  }
}
