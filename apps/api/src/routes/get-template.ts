import { Refusal, type operations } from "@kiln/contract"

import type { FindTemplate } from "../find-template.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { findTemplate: FindTemplate }

export function getTemplate({ findTemplate }: Deps): Handler<typeof operations.getTemplate> {
  return async ({ params: { id } }, { res }) => {
    const template = await findTemplate(id, callerOf(res).key.tenant)
    if (!template) throw new Refusal("not_found", `There is no template ${id}`)
    return { body: template }
  }
}
