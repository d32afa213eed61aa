import { z } from "zod"

import { idOf } from "./ids.ts"

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
    url: z.string(),
    url_expires_at: z.iso.datetime(),
    created_at: z.iso.datetime(),
  })
  .describe("A kept input image.")
export type Asset = z.infer<typeof Asset>
