import { z } from "zod"

import { idOf } from "../ids.ts"
import { ApiKey, CreatedApiKey, CreateKeyRequest, TenantName } from "../key.ts"
import { listOf, paging } from "../list.ts"
import type { Operation } from "../operation.ts"

const none = z.strictObject({})
const nothing = z.undefined()

export const createKey = {
  method: "post",
  path: "/v1/keys",
  tag: "Keys",
  summary: "Make an API key for a tenant",
  scope: "admin",
  params: none,
  query: none,
  headers: { "idempotency-key": "1 to 255 characters; the same key and body give the first answer again." },
  body: CreateKeyRequest,
  status: 201,
  reply: CreatedApiKey,
  failures: ["idempotency_in_progress", "idempotency_mismatch"],
} as const satisfies Operation

export const listKeys = {
  method: "get",
  path: "/v1/keys",
  tag: "Keys",
  summary: "List API keys, newest first",
  scope: "admin",
  params: none,
  query: z.strictObject({ ...paging, after: idOf("key").optional(), tenant: TenantName.optional() }),
  body: nothing,
  status: 200,
  reply: listOf(ApiKey),
  failures: [],
} as const satisfies Operation

export const revokeKey = {
  method: "delete",
  path: "/v1/keys/:id",
  tag: "Keys",
  summary: "Revoke an API key",
  scope: "admin",
  params: z.strictObject({ id: idOf("key") }),
  query: none,
  body: nothing,
  status: 204,
  reply: nothing,
  failures: ["not_found"],
} as const satisfies Operation
