import { mostAssetBytes, Refusal, type operations } from "@kiln/contract"
import { EgressError } from "@kiln/egress"
import type { Inputs, KeptAs } from "@kiln/inputs"

import { callerOf } from "../http/call.ts"
import { isMultipart, type Handler } from "../http/mount.ts"
import { createReadUpload } from "../http/read-upload.ts"
import { inputError } from "../input-error.ts"
import type { AssetView } from "../view/asset-view.ts"

type Deps = { inputs: Inputs; assetView: AssetView; closing: AbortSignal }

const part = "file"
const readUpload = createReadUpload({ mostBytes: mostAssetBytes, mostHeldBytes: 4_000_000_000 })

export function createAsset({ inputs, assetView, closing }: Deps): Handler<typeof operations.createAsset> {
  return async ({ body }, { req, res }) => {
    const { tenant } = callerOf(res).key
    const { kind, asset } = isMultipart(req)
      ? await inputs.spooled(async (target) => {
          await readUpload(req, { part, target })
          return refusing(`/${part}`, inputs.keepFile(tenant, target))
        })
      : await refusing("/url", inputs.keepUrl(tenant, body.url, closing))
    const headers = { Location: `/v1/assets/${asset.id}` }
    return { status: kind === "created" ? 201 : 200, headers, body: await assetView(asset) }
  }
}

/** What is wrong with the image as a refusal that names where it was given. */
async function refusing(pointer: string, keeping: Promise<KeptAs>): Promise<KeptAs> {
  try {
    return await keeping
  } catch (error) {
    const told = inputError(pointer, error)
    if (!told) throw error
    const status = error instanceof EgressError && error.code === "too_large" ? 413 : 400
    throw new Refusal(status === 413 ? "payload_too_large" : "invalid_request", told.detail, {
      errors: [told],
      cause: error,
    })
  }
}
