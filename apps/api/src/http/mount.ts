import { refuseFields, type Input, type Operation, type Reply, type Scope } from "@kiln/contract"
import type { Request, RequestHandler, Response, Router } from "express"
import { z } from "zod"

import { callOf } from "./call.ts"
import { withCancelAfter } from "./cancel-after.ts"
import { readBody } from "./read-body.ts"
import type { ReadForm, SentForm } from "./read-form.ts"
import { requireScope } from "./require-scope.ts"
import { send } from "./send.ts"

export type Answer<Body> = {
  /** The operation's own when absent. */
  status?: number
  headers?: Readonly<Record<string, string>>
  body: Body
  conditional?: boolean
}

export type Exchange = { req: Request; res: Response }

/** Does an operation; undefined when it wrote the answer itself. */
export type Handler<Of extends Operation> = (
  input: Input<Of>,
  exchange: Exchange,
) => Promise<Answer<Reply<Of>> | undefined>

/** Makes a route of an operation: its scope, its body, its parsing, its answer. */
export function mount<Of extends Operation>(
  router: Router,
  operation: Of,
  handle: Handler<Of>,
  readForm?: ReadForm,
): void {
  const parseInput = createParseInput(operation)
  router[operation.method](
    operation.path,
    mayDo(operation.scope),
    ...(takesBody.has(operation.method) && !operation.rows ? [bodyReader(operation, readForm)] : []),
    async (req: Request, res: Response) => {
      await using _files = callOf(res).form
      const answer = await handle(parseInput(req), { req, res })
      // Replies are not parsed: their types are checked where they are made.
      if (answer && !res.destroyed) send(req, res, { status: operation.status, ...answer })
    },
  )
}

/** Whether the body is an upload, which its operation reads itself. */
export const isMultipart = (req: Request): boolean => Boolean(req.is("multipart/form-data"))

function bodyReader({ upload, form }: Operation, readForm: ReadForm | undefined): RequestHandler {
  return async (req, res, next) => {
    if (upload !== undefined && isMultipart(req)) {
      next()
      return
    }
    if (!form || !readForm || !isMultipart(req)) {
      await readBody(req, res, next)
      return
    }
    const sent = await readForm(req, form)
    callOf(res).form = sent
    req.body = withFiles(sent)
    next()
  }
}

/** The files stand behind the request's own images, told by their content: so equal forms are equal requests. */
function withFiles({ request, files }: SentForm): object {
  if (files.length === 0 || Array.isArray(request)) return request
  const images = "images" in request ? request.images : []
  if (!Array.isArray(images)) return request
  return { ...request, images: [...images, ...files.map(({ sha256 }) => ({ data: `sha256:${sha256}` }))] }
}

const takesBody: ReadonlySet<Operation["method"]> = new Set(["post", "put", "patch"])

const mayDo =
  (scope: Scope | null): RequestHandler =>
  (_req, res, next) => {
    if (scope !== null) requireScope(res, scope)
    next()
  }

const empty = z.strictObject({}).optional()

function createParseInput<Of extends Operation>(operation: Of): (req: Request) => Input<Of> {
  const hasNoBody = operation.body instanceof z.ZodUndefined
  const hasParams = operation.path.includes(":")
  const takesCancelAfter = operation.headers !== undefined && "cancel-after" in operation.headers
  // Most requests have no query: what that means is found out once.
  const noParams = Object.freeze(operation.params.safeParse({}).data)
  const noQuery = Object.freeze(operation.query.safeParse({}).data)

  return (req) => {
    if (takesCancelAfter) req.body = withCancelAfter(req.body, req.headers["cancel-after"])
    const isUpload = operation.rows !== undefined || (operation.upload !== undefined && isMultipart(req))
    const body = isUpload ? undefined : parse(hasNoBody ? empty : operation.body, req.body as unknown)
    const hasQuery = req.url.includes("?")
    const input = {
      params: hasParams ? parse(operation.params, req.params) : noParams,
      query: hasQuery || noQuery === undefined ? parse(operation.query, hasQuery ? req.query : {}) : noQuery,
      body: hasNoBody ? undefined : body,
    }
    // The schemas are the operation's own, so this is what its types say, but for uploads: their handlers look first.
    return input as Input<Of>
  }
}

function parse(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw refuseFields(result.error.issues, value)
}
