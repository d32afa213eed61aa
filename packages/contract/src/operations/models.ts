import { z } from "zod"

import { listOf } from "../list.ts"
import { Model } from "../model.ts"
import type { Operation } from "../operation.ts"

const none = z.strictObject({})

export const listModels = {
  method: "get",
  path: "/v1/models",
  tag: "Models",
  summary: "The models, what each can do and costs",
  scope: "jobs:read",
  params: none,
  query: none,
  body: z.undefined(),
  status: 200,
  reply: listOf(Model),
  failures: [],
} as const satisfies Operation
