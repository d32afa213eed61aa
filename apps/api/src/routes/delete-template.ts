import { Refusal, type operations } from "@kiln/contract"
import { builtInTemplate } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "templates"> }

export function deleteTemplate({ ledger }: Deps): Handler<typeof operations.deleteTemplate> {
  return async ({ params: { id } }, { res }) => {
    if (builtInTemplate(id))
      throw new Refusal("forbidden", `${id} is a built-in template and cannot be deleted`)
    const wasThere = await ledger.templates.remove(callerOf(res).key.tenant, id)
    if (!wasThere) throw new Refusal("not_found", `There is no template ${id}`)
    return { body: undefined }
  }
}
