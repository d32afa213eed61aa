import { z } from "zod"

import type { Operation } from "../operation.ts"

const none = z.strictObject({})
/** Whoever probes may add what it likes, such as a word against caches. */
const anything = z.looseObject({})
const nothing = z.undefined()

export const getHealth = {
  method: "get",
  path: "/healthz",
  tag: "Operation",
  summary: "Is the process alive",
  scope: null,
  params: none,
  query: anything,
  body: nothing,
  status: 200,
  reply: z.strictObject({ status: z.literal("ok") }),
  failures: [],
} as const satisfies Operation

export const Readiness = z.strictObject({
  status: z.enum(["ready", "not_ready"]),
  checks: z.record(z.string(), z.strictObject({ ok: z.boolean(), detail: z.string().nullable() })),
})
export type Readiness = z.infer<typeof Readiness>

export const getReadiness = {
  method: "get",
  path: "/readyz",
  tag: "Operation",
  summary: "Can jobs be taken and done: Redis, a worker, storage",
  scope: null,
  params: none,
  query: anything,
  body: nothing,
  status: 200,
  also: { 503: "Not ready; `checks` says why" },
  reply: Readiness,
  failures: [],
} as const satisfies Operation
