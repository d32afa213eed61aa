import { extname } from "node:path"

import { Refusal, type operations } from "@kiln/contract"
import type { JobView, SignedUrls } from "@kiln/views"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { findJob: FindJob; view: Pick<JobView, "hasLostImages">; urls: SignedUrls }

export function getOutput({ findJob, view, urls }: Deps): Handler<typeof operations.getOutput> {
  return async ({ params: { id, index }, query }, { res }) => {
    const record = await findJob(id, callerOf(res).key.tenant)
    const now = Date.now()
    const output = record.outputs.get(index)
    if (!output) throw new Refusal("not_found", `The job ${id} has no image ${index}`)
    if (view.hasLostImages(record, now)) {
      throw new Refusal("job_expired", `The images of ${id} were removed after their retention time`)
    }
    const name = query.download === "1" ? `${id}-${index}${extname(output.key)}` : undefined
    return { headers: { Location: await urls.fresh(output.key, now, name) }, body: undefined }
  }
}
