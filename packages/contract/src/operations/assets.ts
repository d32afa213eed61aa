import { z } from "zod"

import { Asset, AssetRequest } from "../asset.ts"
import { idOf } from "../ids.ts"
import type { Operation } from "../operation.ts"

const none = z.strictObject({})
const nothing = z.undefined()
const byId = z.strictObject({ id: idOf("ast") })

export const createAsset = {
  method: "post",
  path: "/v1/assets",
  tag: "Assets",
  summary: "Keep an input image, uploaded or fetched; the same content is kept once a tenant",
  scope: "jobs:write",
  params: none,
  query: none,
  body: AssetRequest,
  upload: "file",
  status: 201,
  also: { 200: "The asset that has this content already" },
  reply: Asset,
  failures: [],
} as const satisfies Operation

export const getAsset = {
  method: "get",
  path: "/v1/assets/:id",
  tag: "Assets",
  summary: "See an asset, with a signed URL of its image",
  scope: "jobs:read",
  params: byId,
  query: none,
  body: nothing,
  status: 200,
  reply: Asset,
  failures: ["not_found"],
} as const satisfies Operation

export const deleteAsset = {
  method: "delete",
  path: "/v1/assets/:id",
  tag: "Assets",
  summary: "Remove an asset and its image; jobs that used it stay readable",
  scope: "jobs:write",
  params: byId,
  query: none,
  body: nothing,
  status: 204,
  reply: nothing,
  failures: ["not_found"],
} as const satisfies Operation
