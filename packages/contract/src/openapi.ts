import { z } from "zod"

import { mostInputImages } from "./edit.ts"
import { refusals, type RefusalCode } from "./failures.ts"
import { replies, requests } from "./openapi-schemas.ts"
import type { Operation } from "./operation.ts"

type Json = Record<string, unknown>

/** The OpenAPI 3.1 document of a set of operations; named schemas stand once, under `components`. */
export function describe(options: {
  version: string
  url: string
  operations: Readonly<Record<string, Operation>>
}): Json {
  const paths: Record<string, Json> = {}
  for (const [operationId, operation] of Object.entries(options.operations)) {
    const path = operation.path.replaceAll(/:(\w+)/g, "{$1}")
    paths[path] = { ...paths[path], [operation.method]: describeOne(operationId, operation) }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Kiln",
      version: options.version,
      summary: "Image-generation jobs that are never lost",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: options.url }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key: `kiln_sk_…`" } },
      schemas: { ...components(requests, "input"), ...components(replies, "output") },
    },
  }
}

function describeOne(operationId: string, operation: Operation): Json {
  const { summary, tag, scope, status, body, rows = [] } = operation
  return {
    operationId,
    summary,
    tags: [tag],
    ...(scope ? { description: `Needs a key with the scope \`${scope}\`.` } : { security: [] }),
    parameters: parameters(operation),
    ...(isNothing(body)
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              "application/json": { schema: schemaOf(body, "input") },
              ...Object.fromEntries(rows.map((type) => [type, { schema: { type: "string" } }])),
              ...multipart(operation),
            },
          },
        }),
    responses: {
      [status]: answer(operation, status, status === 302 ? "Elsewhere" : "Done"),
      ...Object.fromEntries(
        Object.entries(operation.also ?? {}).map(([code, description]) => [
          code,
          answer(operation, Number(code), description),
        ]),
      ),
      ...problems(operation),
    },
  }
}

/** OpenAPI 3.1: a binary part is one without a type. */
function multipart({ upload, form, body }: Operation): Json {
  const described = (required: string, properties: Json, encoding: Json = {}): Json => ({
    "multipart/form-data": { schema: { type: "object", required: [required], properties }, ...encoding },
  })
  if (upload) return described(upload, { [upload]: {} })
  if (!form) return {}
  const image = { type: "array", items: {}, maxItems: mostInputImages, description: afterImages }
  const request = form.images
    ? { description: "The same as the JSON body, where `images` may be left out." }
    : schemaOf(body, "input")
  return described(
    "request",
    { request, ...(form.images ? { image } : {}) },
    { encoding: { request: { contentType: "application/json" } } },
  )
}

const afterImages =
  "Input images, up to 100 MB each, in their order; they come after the `images` of the request."

const isNothing = (schema: z.ZodType) => schema instanceof z.ZodUndefined

const bodiless = new Set([204, 302, 304])

function answer(operation: Operation, status: number, description: string): Json {
  const { reply, media = "application/json", alsoMedia = [] } = operation
  const hasBody = !bodiless.has(status) && !isNothing(reply)
  return {
    description,
    headers: answerHeaders(operation, status),
    ...(hasBody
      ? {
          content: {
            [media]: { schema: schemaOf(reply, "output") },
            ...Object.fromEntries(alsoMedia.map((type) => [type, { schema: { type: "string" } }])),
          },
        }
      : {}),
  }
}

/** Headers that this answer always has, and those that it may have. */
function answerHeaders({ scope, query, headers = {} }: Operation, status: number): Json {
  const always = [
    "X-Request-Id",
    ...(scope ? ["RateLimit", "RateLimit-Policy"] : []),
    ...([201, 202, 302].includes(status) ? ["Location"] : []),
    ...("if-none-match" in headers ? ["ETag"] : []),
  ]
  const maybe = [
    ...("if-none-match" in headers ? ["Retry-After"] : []),
    ...("prefer" in headers ? ["Preference-Applied"] : []),
    ...("idempotency-key" in headers ? ["Idempotent-Replayed"] : []),
    ...("limit" in query.shape ? ["Link"] : []),
  ]
  return { ...headersOf(always, true), ...headersOf(maybe, false) }
}

const headersOf = (names: readonly string[], required: boolean): Json =>
  Object.fromEntries(names.map((name) => [name, { required, schema: { type: "string" } }]))

/** What may happen to any request of its kind, whatever the operation does. */
const ofAll: readonly RefusalCode[] = ["invalid_request", "unknown_field", "internal"]
const ofCallers: readonly RefusalCode[] = ["unauthorized", "forbidden", "rate_limited", "unavailable"]
const takesBody: ReadonlySet<string> = new Set(["post", "put", "patch"])
const ofBodies: readonly RefusalCode[] = ["payload_too_large", "unsupported_media_type"]

/** One response for each status: several codes may share one. */
function problems({ method, scope, failures }: Operation): Json {
  const codes = scope
    ? new Set([...failures, ...ofAll, ...ofCallers, ...(takesBody.has(method) ? ofBodies : [])])
    : new Set(failures)
  const byStatus = Map.groupBy(codes, (code) => refusals[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, sharing]) => [
      status,
      {
        description: sharing.map((code) => `\`${code}\`: ${refusals[code].title}`).join("; "),
        headers: problemHeaders(status),
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  )
}

const problemHeaders = (status: number): Json => ({
  ...headersOf(
    [
      "X-Request-Id",
      ...(status === 401 ? ["WWW-Authenticate"] : []),
      ...(status === 429 || status === 503 ? ["Retry-After"] : []),
    ],
    true,
  ),
  ...headersOf(["RateLimit", "RateLimit-Policy"], false),
})

const parametersIn = (place: "path" | "query", object: z.ZodObject): Json[] =>
  Object.entries(object.shape).map(([name, schema]) => {
    const described = {
      name,
      in: place,
      required: place === "path",
      schema: bare(schema as z.ZodType, "input"),
    }
    return name === "metadata" ? Object.assign(described, { style: "deepObject", explode: true }) : described
  })

function parameters({ params, query, headers = {} }: Operation): Json[] {
  const inHeaders = Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }))
  return [...parametersIn("path", params), ...parametersIn("query", query), ...inHeaders]
}

/** Named schemas are references; all others stand where they are used. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const name = Object.entries({ ...requests, ...replies }).find(([, known]) => known === schema)?.[0]
  return name ? { $ref: `#/components/schemas/${name}` } : bare(schema, io)
}

function components(schemas: Record<string, z.ZodType>, io: "input" | "output"): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, bare(schema, io)]))
}

/** `$schema` belongs to whole documents only. */
function bare(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" })
  return rest
}
