import { Refusal, type operations } from "@kiln/contract"
import { builtInTemplate, completeTemplate } from "@kiln/jobs"
import { mostTemplates, type Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "templates"> }

export function putTemplate({ ledger }: Deps): Handler<typeof operations.putTemplate> {
  return async ({ params: { id }, body }, { res }) => {
    if (builtInTemplate(id)) {
      throw new Refusal("forbidden", `${id} is a built-in template and stays as it is; take another id`)
    }
    const kept = await ledger.templates.put(callerOf(res).key.tenant, id, completeTemplate(body))
    switch (kept.kind) {
      case "full":
        throw new Refusal("forbidden", `A tenant may have ${mostTemplates} templates; delete one first`)
      case "created":
        return { headers: { Location: `/v1/templates/${id}` }, body: kept.template }
      case "replaced":
        return { status: 200, body: kept.template }
    }
  }
}
