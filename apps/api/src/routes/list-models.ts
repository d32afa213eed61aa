import type { operations } from "@kiln/contract"
import type { Models } from "@kiln/jobs"

import type { Handler } from "../http/mount.ts"

export function listModels({ models }: { models: Models }): Handler<typeof operations.listModels> {
  return async () => {
    const data = models.list(new Date())
    const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null]
    return { body: { object: "list", data, has_more: false, first_id: first, last_id: last } }
  }
}
