import type { operations } from "@kiln/contract"

import type { Handler } from "../http/mount.ts"
import type { SubmitJob } from "../submit-job.ts"

type Deps = { submitJob: SubmitJob }

export function createGeneration({ submitJob }: Deps): Handler<typeof operations.createGeneration> {
  return async ({ query, body }, exchange) =>
    submitJob({ route: "createGeneration", request: body, query }, exchange)
}
