import { realpath } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"

import { create as contentDisposition } from "content-disposition"
import send from "send"

import { checkKey } from "./check-key.ts"
import { findObject, unlessMissing, type FoundObject } from "./disk-layout.ts"
import { verifyFileUrl, type FileSecret } from "./file-url.ts"

type Next = (error?: unknown) => void
type Problem = { status: number; code: string; title: string; detail: string }

/**
 * Answers GET and HEAD of the URLs that disk storage signs, ranges and conditions included. For
 * `app.use("/files", …)` or a plain server; other methods go on to `next`.
 */
export function serveFile(options: { folder: string; secret: FileSecret; now?: () => Date }) {
  return async (req: IncomingMessage, res: ServerResponse, next: Next): Promise<void> => {
    if (req.method !== "GET" && req.method !== "HEAD") return next()
    try {
      await answer(req, res, options)
    } catch (error) {
      next(error)
    }
  }
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  { folder, secret, now = () => new Date() }: { folder: string; secret: FileSecret; now?: () => Date },
): Promise<void> {
  const { key, query } = readUrl(req)
  const moment = now()
  const verdict = verifyFileUrl({ key, query, secret, now: moment })
  if (!verdict.valid) return refuse(res, verdict.reason === "expired" ? expired : forged)
  const found = await find(folder, key)
  if (found === undefined) return refuse(res, missing)
  const seconds = Math.floor((verdict.expiresAt.getTime() - moment.getTime()) / 1000)
  const headers: Record<string, string> = {
    "Content-Type": found.object.contentType,
    ETag: `"${found.sha256}"`,
    "Cache-Control": `private, max-age=${seconds}`,
    "X-Content-Type-Options": "nosniff",
    // Nothing that is stored may run as a page of this origin.
    "Content-Security-Policy": "default-src 'none'; sandbox",
  }
  if (verdict.downloadName !== undefined)
    headers["Content-Disposition"] = contentDisposition(verdict.downloadName)
  deliver(req, res, found, headers)
}

function deliver(
  req: IncomingMessage,
  res: ServerResponse,
  found: FoundObject,
  headers: Record<string, string>,
): void {
  // The whole path is encoded because send decodes it; it is ours, so dots in it hide nothing.
  send(req, encodeURIComponent(found.path), { dotfiles: "allow", index: false, cacheControl: false })
    .on("headers", () => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
    })
    .on("error", (error: { status?: number }) => {
      if (res.headersSent) {
        res.destroy()
        return
      }
      for (const name of [...Object.keys(headers), "Last-Modified", "Accept-Ranges"]) res.removeHeader(name)
      refuse(res, problems[error.status ?? 500] ?? broken)
    })
    .pipe(res)
}

async function find(folder: string, key: string): Promise<FoundObject | undefined> {
  try {
    checkKey(key)
  } catch {
    return undefined
  }
  const root = await unlessMissing(realpath(folder))
  return root === undefined ? undefined : findObject(root, key)
}

/** Express shortens `url` by the path it mounts at and keeps the whole in `originalUrl`. */
function readUrl(req: IncomingMessage & { originalUrl?: string }): { key: string; query: URLSearchParams } {
  const [path, query] = split(req.originalUrl ?? req.url ?? "", "?")
  const [, key] = split(path, "/files/")
  return { key: decoded(key), query: new URLSearchParams(query) }
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at)
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + at.length)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ""
  }
}

const forged: Problem = {
  status: 403,
  code: "forbidden",
  title: "The link is not valid",
  detail: "The signature of the link does not fit; links come from the API and cannot be changed.",
}
const expired: Problem = {
  status: 403,
  code: "forbidden",
  title: "The link has expired",
  detail: "The time of the link is over; ask the API for the job or asset again to get a new one.",
}
const missing: Problem = {
  status: 404,
  code: "not_found",
  title: "There is nothing here",
  detail: "The file does not exist any more.",
}
const broken: Problem = {
  status: 500,
  code: "internal",
  title: "Something went wrong here",
  detail: "The file could not be read.",
}
const problems: Record<number, Problem> = {
  404: missing,
  412: {
    status: 412,
    code: "invalid_request",
    title: "The condition does not hold",
    detail: "The file is not the one that If-Match or If-Unmodified-Since names.",
  },
  416: {
    status: 416,
    code: "invalid_request",
    title: "The range is not satisfiable",
    detail: "The file is shorter; its length is in Content-Range.",
  },
}

function refuse(res: ServerResponse, problem: Problem): void {
  res.writeHead(problem.status, { "Content-Type": "application/problem+json", "Cache-Control": "no-store" })
  res.end(JSON.stringify({ type: "about:blank", ...problem }))
}
