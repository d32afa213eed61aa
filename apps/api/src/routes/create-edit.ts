import type { operations } from "@kiln/contract"

import { callOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { SubmitJob } from "../submit-job.ts"

type Deps = { submitJob: SubmitJob }

export function createEdit({ submitJob }: Deps): Handler<typeof operations.createEdit> {
  return async ({ query, body: { images = [], previous_job: previousJob, ...request } }, exchange) => {
    const files = callOf(exchange.res).form?.files ?? []
    const given = images.map((image, index) => files[index - (images.length - files.length)] ?? image)
    return submitJob({ route: "createEdit", request, images: given, previousJob, query }, exchange)
  }
}
