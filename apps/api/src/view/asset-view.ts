import type { Asset } from "@kiln/contract"
import type { KeptAsset } from "@kiln/ledger"
import type { SignedUrls } from "@kiln/views"

/** Assets as callers see them. */
export const createAssetView =
  ({ urls }: { urls: SignedUrls }) =>
  async ({ id, key, createdAt, ...facts }: KeptAsset): Promise<Asset> => {
    const { url, expiresAt } = await urls.stable(key, Date.now())
    const { content_type, bytes, width, height, sha256 } = facts
    return {
      id,
      object: "asset",
      content_type,
      bytes,
      width,
      height,
      sha256,
      url,
      url_expires_at: expiresAt?.toISOString() ?? null,
      created_at: createdAt.toISOString(),
    }
  }
export type AssetView = ReturnType<typeof createAssetView>
