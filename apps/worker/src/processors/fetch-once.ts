import { createHash, randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"

import { JobFailure } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import type { FetchedPhoto, JobRecord, KeptAsset, Ledger } from "@kiln/ledger"

type Deps = { ledger: Pick<Ledger, "fetched">; inputs: Pick<Inputs, "keepUrl"> }
type Photo = Pick<KeptAsset, "id" | "key" | "content_type" | "width" | "height">

const lookEveryMs = 100
const keptMs = 24 * 3_600_000
/** A photo that could not be fetched is not asked for again by the next item: after this long it is, then after longer. */
const firstRestMs = 2_000
const longestRestMs = 3_600_000

/** Fetches a photo once for all items of a batch that name it; one that is dead is dead for all of them. */
export async function keepUrlOnce(
  { tenant, batch }: Pick<JobRecord, "tenant" | "batch">,
  url: string,
  { signal, failureOf }: { signal: AbortSignal; failureOf: (error: unknown) => unknown },
  { ledger, inputs }: Deps,
): Promise<Photo> {
  const fetchIt = async () => {
    const { asset } = await inputs.keepUrl(tenant, url, signal).catch((error: unknown) => {
      throw failureOf(error)
    })
    const { id, key, content_type, width, height } = asset
    return { id, key, content_type, width, height }
  }
  if (!batch) return fetchIt()
  const place = createHash("sha256").update(url).digest("base64url").slice(0, 22)
  const tell = (photo: FetchedPhoto, forMs: number) => ledger.fetched.tell(batch, place, photo, forMs)
  const who = randomUUID()
  for (;;) {
    const claimed = await ledger.fetched.claim(batch, place, who)
    if (claimed === "wait") {
      await sleep(lookEveryMs, undefined, { signal })
    } else if ("asset" in claimed) {
      return claimed.asset
    } else if ("failure" in claimed) {
      throw new JobFailure(claimed.failure.code, claimed.failure.message)
    } else {
      return told(fetchIt, tell, claimed.failures)
    }
  }
}

async function told(
  fetchIt: () => Promise<Photo>,
  tell: (photo: FetchedPhoto, forMs: number) => Promise<void>,
  failures: number,
): Promise<Photo> {
  try {
    const asset = await fetchIt()
    await tell({ asset }, keptMs)
    return asset
  } catch (error) {
    if (error instanceof JobFailure && isOfThePhoto(error.code)) {
      const restMs = Math.min(firstRestMs * 4 ** failures, longestRestMs)
      const failure = { code: error.code, message: error.message, failures: failures + 1 }
      await tell({ failure }, error.code === "input_unreadable" ? longestRestMs : restMs)
    }
    throw error
  }
}

const isOfThePhoto = (code: string): code is "input_unreachable" | "input_unreadable" =>
  code === "input_unreachable" || code === "input_unreadable"
