import { z } from "zod"

import { camelCaseKeys } from "./camel-case-keys.ts"
import { lenient } from "./lenient.ts"

const Violation = z.object({
  quotaMetric: lenient(z.string()),
  quotaId: lenient(z.string()),
  quotaValue: lenient(z.coerce.string()),
})

const Detail = z.object({
  reason: lenient(z.string()),
  retryDelay: lenient(z.string()),
  violations: lenient(z.array(Violation.catch({}))),
})

/** A google.rpc.Status in JSON, and the poorer forms that gateways make of it. */
const RpcError = z.object({
  code: lenient(z.number()),
  message: lenient(z.string()),
  status: lenient(z.string()),
  details: lenient(z.array(Detail.catch({}))),
})
export type RpcError = z.infer<typeof RpcError>

const Text = z.string().transform((message): RpcError => ({ message }))
/** Some gateways say only a sentence. */
export const AnyError = z.union([Text, RpcError])
const Envelope = z.object({ error: AnyError })

/** The error of a body that is `{error}`, `[{error}]` or `{error: "text"}`; HTML and all else gives an empty one. */
export function parseRpcError(body: string): RpcError {
  try {
    const value = camelCaseKeys(JSON.parse(body))
    const parsed = Envelope.safeParse(Array.isArray(value) ? value.at(-1) : value)
    return parsed.success ? parsed.data.error : {}
  } catch {
    return {}
  }
}
