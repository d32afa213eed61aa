import { Refusal, type operations } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { inputs: Pick<Inputs, "forget"> }

export function deleteAsset({ inputs }: Deps): Handler<typeof operations.deleteAsset> {
  return async ({ params: { id } }, { res }) => {
    const wasThere = await inputs.forget(callerOf(res).key.tenant, id)
    if (!wasThere) throw new Refusal("not_found", `There is no asset ${id}`)
    return { body: undefined }
  }
}
