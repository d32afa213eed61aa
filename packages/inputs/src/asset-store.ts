import { Refusal } from "@kiln/contract"
import type { NormalisedInput } from "@kiln/images"
import { mostAssets, type KeptAsset, type Ledger } from "@kiln/ledger"
import { assetKey, type Storage } from "@kiln/storage"

/** `known`: the tenant had this content already. */
export type KeptAs = { kind: "created" | "known"; asset: KeptAsset }

type Options = { ledger: Pick<Ledger, "assets">; storage: Pick<Storage, "put" | "head"> }

const extensions = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/heic": "heic",
  "image/heif": "heif",
} as const

/** Content that is kept once a tenant: looked up, or stored. */
export function createAssetStore({ ledger, storage }: Options) {
  return {
    async find(tenant: string, sha256?: string, signal?: AbortSignal): Promise<KeptAs | undefined> {
      const asset = sha256 === undefined ? undefined : await ledger.assets.find(tenant, sha256)
      return asset && (await storage.head(asset.key, signal)) ? { kind: "known", asset } : undefined
    },

    /** Throws `forbidden` when the tenant has too many. */
    async store(
      tenant: string,
      path: string,
      { contentType, bytes, width, height, sha256 }: NormalisedInput,
      signal: AbortSignal | undefined,
    ): Promise<KeptAs> {
      const key = assetKey({ tenant, sha256, extension: extensions[contentType] })
      const put = () => storage.put(key, { path, bytes, sha256 }, { contentType, ifAbsent: true, signal })
      await put()
      const facts = { key, content_type: contentType, bytes, width, height, sha256 }
      const kept = await ledger.assets.keep(tenant, facts)
      if (kept.kind === "full") {
        const most = mostAssets.toLocaleString("en")
        throw new Refusal("forbidden", `A tenant may have ${most} assets; delete some first`)
      }
      // Between the two steps a deletion may have taken away the object that was there.
      if (kept.kind === "created" && !(await storage.head(key, signal))) await put()
      return kept
    },
  }
}
