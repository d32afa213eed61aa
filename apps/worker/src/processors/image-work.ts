import type { ModelEntry } from "@kiln/contract"
import type { JobRecord, Spent } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import { outputKey } from "@kiln/storage"

import type { Run } from "../running-jobs.ts"
import type { Conversation } from "./conversation.ts"

/** One image of a job that is to be made. */
export type ImageWork = {
  epoch: number
  record: JobRecord
  model: ModelEntry
  prompt: string
  conversation: Conversation
  index: number
  /** Whether other images of the job go first. */
  isFurther: boolean
  run: Run
  log: Logger
  /** Takes what a call used when no kept image accounts for it. */
  spend: (spent: Spent) => void
}
/** Where the image is stored: the same for every attempt. */
export const keyOf = ({
  record: { tenant, createdAt, id, spec },
  index,
}: Pick<ImageWork, "record" | "index">) =>
  outputKey({ tenant, createdAt, id, index, format: spec.parameters.output_format })
