import type { z } from "zod"

import type { RefusalCode } from "./failures.ts"
import type { Scope } from "./key.ts"

/** One call of the API as data: the API mounts it, the client sends it, OpenAPI describes it. */
export interface Operation<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly method: "get" | "post" | "put" | "patch" | "delete"
  /** With `:name` for each key of `params`. */
  readonly path: `/${string}`
  readonly tag: string
  readonly summary: string
  /** What a key must be allowed to do; null needs no key. */
  readonly scope: Scope | null
  readonly params: Params
  readonly query: Query
  /** Request headers with a meaning of their own, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Body
  /** The body may also be `multipart/form-data` with one file, in a part of this name. */
  readonly upload?: string
  /** Media types in which the body may also be rows, one a line. Its operation reads the body itself, as a stream. */
  readonly rows?: readonly string[]
  /** The body may also be `multipart/form-data`: its JSON in the part `request`, with `images` files in parts `image`. */
  readonly form?: { readonly images: boolean }
  readonly status: 200 | 201 | 202 | 204 | 302
  /** Other answers that are not failures. */
  readonly also?: Readonly<Record<number, string>>
  readonly reply: Answer
  /** Media type of the reply when it is not JSON. */
  readonly media?: string
  /** Other media types that `Accept` may ask for. */
  readonly alsoMedia?: readonly string[]
  /** Refusals of its own, beside those that any request may get. */
  readonly failures: readonly RefusalCode[]
}

/** What a handler gets: everything parsed. */
export type Input<Of> =
  Of extends Operation<infer Params, infer Query, infer Body>
    ? { params: z.output<Params>; query: z.output<Query>; body: z.output<Body> }
    : never

/** What a caller gives: before defaults. */
export type Request<Of> =
  Of extends Operation<infer Params, infer Query, infer Body>
    ? { params: z.input<Params>; query: z.input<Query>; body: z.input<Body> }
    : never

export type Reply<Of> =
  Of extends Operation<z.ZodObject, z.ZodObject, z.ZodType, infer Answer> ? z.output<Answer> : never
