import { realpath } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"

import { Refusal } from "@kiln/contract"
import { create as contentDisposition } from "content-disposition"
import send from "send"

import { checkKey } from "./check-key.ts"
import { findObject, unlessMissing, type FoundObject } from "./disk-layout.ts"
import { verifyFileUrl, type FileSecret } from "./file-url.ts"

type Next = (error?: unknown) => void

/**
 * Answers GET and HEAD of the URLs that disk storage signs, ranges and conditions included. For
 * `app.use("/files", …)` or a plain server; other methods go on to `next`, and so does each Refusal.
 */
export function serveFile(options: { folder: string; secret: FileSecret; now?: () => Date }) {
  return async (req: IncomingMessage, res: ServerResponse, next: Next): Promise<void> => {
    if (req.method !== "GET" && req.method !== "HEAD") return next()
    try {
      await answer(req, res, next, options)
    } catch (error) {
      next(error)
    }
  }
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
  { folder, secret, now = () => new Date() }: { folder: string; secret: FileSecret; now?: () => Date },
): Promise<void> {
  const { key, query } = readUrl(req)
  const moment = now()
  const verdict = verifyFileUrl({ key, query, secret, now: moment })
  if (!verdict.valid) throw verdict.reason === "expired" ? expired() : forged()
  const found = await find(folder, key)
  if (found === undefined) throw missing()
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
  deliver(req, res, next, { found, headers })
}

function deliver(
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
  { found, headers }: { found: FoundObject; headers: Record<string, string> },
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
      next(refusals[error.status ?? 500]?.() ?? error)
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

const forged = () =>
  new Refusal(
    "forbidden",
    "The signature of the link does not fit; links come from the API and cannot be changed.",
  )
const expired = () =>
  new Refusal(
    "forbidden",
    "The time of the link is over; ask the API for the job or asset again to get a new one.",
  )
const missing = () => new Refusal("not_found", "The file does not exist any more.")
const refusals: Record<number, () => Refusal> = {
  404: missing,
  412: () =>
    new Refusal("invalid_request", "The file is not the one that If-Match or If-Unmodified-Since names.", {
      status: 412,
    }),
  416: () =>
    new Refusal("invalid_request", "The file is shorter; its length is in Content-Range.", { status: 416 }),
}
