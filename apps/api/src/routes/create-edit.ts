import type { operations } from "@kiln/contract"

import type { Handler } from "../http/mount.ts"
import type { SubmitJob } from "../submit-job.ts"

type Deps = { submitJob: SubmitJob }

export function createEdit({ submitJob }: Deps): Handler<typeof operations.createEdit> {
  return async ({ query, body: { images = [], previous_job: previousJob, ...request } }, exchange) =>
    submitJob({ route: "createEdit", request, images, previousJob, query }, exchange)
}
