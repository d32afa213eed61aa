import { pointerOf, Refusal } from "@kiln/contract"
import type { JobRecord, JobSpec, KeptOutput, Ledger, PreviousOutput } from "@kiln/ledger"
import { turnKey } from "@kiln/storage"
import type { JobView } from "@kiln/views"

import type { GivenImage } from "./resolve-inputs.ts"

type Deps = { ledger: Pick<Ledger, "read">; view: Pick<JobView, "hasLostImages"> }

/** What a conversation goes on from, and the images that are new in it. */
export type Continued = {
  previous: PreviousOutput
  images: readonly GivenImage[]
  /** The model that the conversation was with. */
  model: string
  /** What the conversation so far is expected to count, in tokens. */
  earlierTokens: number
}

type Asked = {
  images: readonly GivenImage[]
  /** What the first request with the same Idempotency-Key came to. */
  known?: (Pick<JobSpec, "inputs" | "previous"> & { model: string }) | undefined
}

/** What the models count for an image that they read. */
const tokensAnImage = 1_120

/**
 * Finds the output that is to be refined: the last one, or the one that an image names by the same job; that image is
 * in the conversation already. Throws `invalid_request` that names `/previous_job` where there is none.
 */
export function createFindPrevious({ ledger, view }: Deps) {
  return async (tenant: string, id: string, { images, known }: Asked): Promise<Continued> => {
    // The same request came before: whatever became of the job since, it goes on from the same image.
    if (known?.previous) {
      const added = images.slice(0, known.inputs?.length ?? 0)
      return { previous: known.previous, images: added, model: known.model, earlierTokens: 0 }
    }
    const record = await ledger.read(id)
    if (record?.tenant !== tenant) throw wrong("unknown_job", `there is no job ${id}`)
    if (record.status !== "succeeded") {
      throw wrong(
        "not_succeeded",
        `the job ${id} is ${record.status}; only one that succeeded can be refined`,
      )
    }
    if (view.hasLostImages(record, Date.now()))
      throw wrong("images_removed", `the images of ${id} were removed`)
    const chosen = images.findIndex((image) => "job" in image && image.job === id)
    const named = images[chosen]
    const [index, output] = outputOf(record, chosen, named && "job" in named ? named.output : undefined)
    return {
      previous: {
        job: id,
        output: index,
        turnKey: turnKey({ ...record, index, sha256: output.sha256 }),
        image: { key: output.key, sha256: output.sha256 },
      },
      images: images.filter((_, at) => at !== chosen),
      model: record.model,
      earlierTokens: Math.ceil(record.usage.input / Math.max(1, record.usage.calls)) + tokensAnImage,
    }
  }
}
export type FindPrevious = ReturnType<typeof createFindPrevious>

function outputOf({ id, outputs }: JobRecord, at: number, asked: number | undefined): [number, KeptOutput] {
  const index = asked ?? Math.max(...outputs.keys())
  const output = outputs.get(index)
  if (output) return [index, output]
  throw wrong("unknown_output", `the job ${id} has no image ${index}`, ["images", at, "output"])
}

function wrong(code: string, detail: string, path: (string | number)[] = ["previous_job"]): Refusal {
  const pointer = pointerOf(path)
  return new Refusal("invalid_request", `${pointer.slice(1)}: ${detail}`, {
    errors: [{ pointer, code, detail }],
  })
}
