import { z } from "zod"

import { listOf, paging } from "../list.ts"
import type { Operation } from "../operation.ts"
import { Template, TemplateId, TemplateRequest } from "../template.ts"

const none = z.strictObject({})
const nothing = z.undefined()
const byId = z.strictObject({ id: TemplateId })

export const listTemplates = {
  method: "get",
  path: "/v1/templates",
  tag: "Templates",
  summary: "List the built-in templates, then the tenant's own by their ids",
  scope: "jobs:read",
  params: none,
  query: z.strictObject({ ...paging, after: TemplateId.optional() }),
  body: nothing,
  status: 200,
  reply: listOf(Template),
  failures: [],
} as const satisfies Operation

export const getTemplate = {
  method: "get",
  path: "/v1/templates/:id",
  tag: "Templates",
  summary: "See a template and what its variables mean",
  scope: "jobs:read",
  params: byId,
  query: none,
  body: nothing,
  status: 200,
  reply: Template,
  failures: ["not_found"],
} as const satisfies Operation

export const putTemplate = {
  method: "put",
  path: "/v1/templates/:id",
  tag: "Templates",
  summary: "Keep a template under an id of your own, or replace it; at most 500 a tenant",
  scope: "jobs:write",
  params: byId,
  query: none,
  body: TemplateRequest,
  status: 201,
  also: { 200: "The template, when it took the place of an earlier one" },
  reply: Template,
  failures: [],
} as const satisfies Operation

export const deleteTemplate = {
  method: "delete",
  path: "/v1/templates/:id",
  tag: "Templates",
  summary: "Remove a template; jobs that were made of it stay as they are",
  scope: "jobs:write",
  params: byId,
  query: none,
  body: nothing,
  status: 204,
  reply: nothing,
  failures: ["not_found"],
} as const satisfies Operation
