import { Refusal, type operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { AssetView } from "../view/asset-view.ts"

type Deps = { ledger: Pick<Ledger, "assets">; assetView: AssetView }

export function getAsset({ ledger, assetView }: Deps): Handler<typeof operations.getAsset> {
  return async ({ params: { id } }, { res }) => {
    const asset = await ledger.assets.read(callerOf(res).key.tenant, id)
    if (!asset) throw new Refusal("not_found", `There is no asset ${id}`)
    return { body: await assetView(asset) }
  }
}
