import { digestOf, itemsAChunk, type Manifests } from "@kiln/batches"
import { Refusal } from "@kiln/contract"
import { itemJobId } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"
import { hasEnded } from "@kiln/views"

/** The items of an earlier batch that succeeded: their fingerprints and jobs, by the digest of their names. */
export type FinishedBefore = ReadonlyMap<string, { fingerprint: string; job: string }>

type Deps = { ledger: Pick<Ledger, "batches" | "readMany">; manifests: Manifests }

/** Reads what an earlier batch has made. Throws `invalid_request` for one that is not there or still runs. */
export function createFinishedBefore({ ledger, manifests }: Deps) {
  return async (tenant: string, id: string, signal: AbortSignal): Promise<FinishedBefore> => {
    const batch = await ledger.batches.read(id)
    if (batch?.tenant !== tenant) throw wrong("unknown_batch", `there is no batch ${id}`)
    if (!hasEnded(batch)) throw wrong("batch_active", `${id} has not ended yet; cancel it first`)
    const marks = await ledger.batches.marks(batch)
    const finished = new Map<string, { fingerprint: string; job: string }>()
    for (let chunk = 0; chunk * itemsAChunk < batch.counts.total; chunk++) {
      const items = await manifests.chunk(batch, chunk, signal)
      const own = items.flatMap(({ custom_id, fingerprint, made }, at) => {
        const index = chunk * itemsAChunk + at
        if (marks.endOf(index) !== "succeeded") return []
        return [{ digest: digestOf(custom_id), fingerprint, job: made ?? itemJobId(batch.id, index) }]
      })
      // A record that was deleted has nothing to be taken over.
      const there = new Set((await readable(own.map(({ job }) => job))).map((record) => record.id))
      for (const { digest, fingerprint, job } of own) {
        if (there.has(job)) finished.set(digest, { fingerprint, job })
      }
    }
    return finished
  }

  /** Only pictures that are all there are finished. */
  async function readable(ids: readonly string[]) {
    const records = await ledger.readMany(ids)
    return records.filter(({ status, shortfall }) => status === "succeeded" && shortfall === null)
  }
}
export type FindFinished = ReturnType<typeof createFinishedBefore>

const wrong = (code: string, detail: string): Refusal =>
  new Refusal("invalid_request", `resume: ${detail}`, { errors: [{ pointer: "/resume", code, detail }] })
