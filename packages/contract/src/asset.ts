import { z } from "zod"

import { idOf } from "./ids.ts"

/** The body of `POST /v1/assets` where the image is to be fetched. */
export const AssetRequest = z
  .strictObject({ url: z.string().min(1).max(2_048).describe("Where to fetch the image.") })
  .describe("An image to fetch and keep.")

/** Bytes of an image that a caller sends, or lets be fetched. */
export const mostAssetBytes = 100_000_000

/** An input image that a tenant keeps for its jobs, addressed by content. */
export const Asset = z
  .strictObject({
    id: idOf("ast"),
    object: z.literal("asset"),
    content_type: z.string(),
    bytes: z.int(),
    width: z.int(),
    height: z.int(),
    sha256: z.string(),
    url: z.string().describe("A signed URL."),
    url_expires_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .describe("A kept input image.")
export type Asset = z.infer<typeof Asset>
