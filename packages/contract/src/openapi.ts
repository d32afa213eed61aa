import { z } from "zod"

import { JobEvent } from "./event.ts"
import { refusals } from "./failures.ts"
import { GenerationRequest } from "./generation.ts"
import { Job } from "./job.ts"
import { ApiKey, CreatedApiKey, CreateKeyRequest } from "./key.ts"
import { Model } from "./model.ts"
import type { Operation } from "./operation.ts"
import { Problem } from "./problem.ts"
import { Template, TemplateRequest } from "./template.ts"

type Json = Record<string, unknown>

const requests = { GenerationRequest, TemplateRequest, CreateKeyRequest }
const replies = { Job, JobEvent, Template, Model, ApiKey, CreatedApiKey, Problem }

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
  const { summary, tag, scope, status, body, failures } = operation
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
            content: { "application/json": { schema: schemaOf(body, "input") } },
          },
        }),
    responses: {
      [status]: success(operation, contentOf(operation)),
      ...Object.fromEntries(
        Object.entries(operation.also ?? {}).map(([code, description]) => [
          code,
          { description, ...(hasNoContent.has(code) ? {} : contentOf(operation)) },
        ]),
      ),
      ...problems(failures),
    },
  }
}

const isNothing = (schema: z.ZodType) => schema instanceof z.ZodUndefined

/** Answers that have no body whatever the operation's reply is. */
const hasNoContent: ReadonlySet<string> = new Set(["204", "304"])
const tellsLocation: ReadonlySet<number> = new Set([201, 202, 302])

const contentOf = ({ reply, media = "application/json" }: Operation): Json =>
  isNothing(reply) ? {} : { content: { [media]: { schema: schemaOf(reply, "output") } } }

function success({ status }: Operation, content: Json): Json {
  const headers = tellsLocation.has(status) ? { Location: { schema: { type: "string" } } } : {}
  return {
    description: status === 302 ? "Elsewhere" : "Done",
    headers: { "X-Request-Id": { schema: { type: "string" } }, ...headers },
    ...content,
  }
}

/** One response for each status: several codes may share one. */
function problems(codes: Operation["failures"]): Json {
  const byStatus = Map.groupBy(codes, (code) => refusals[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, sharing]) => [
      status,
      {
        description: sharing.map((code) => `\`${code}\`: ${refusals[code].title}`).join("; "),
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  )
}

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
