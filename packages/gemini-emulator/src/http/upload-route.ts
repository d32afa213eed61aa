import { fileResource } from "../files/file-store.ts"
import type { UploadSession } from "../files/upload-sessions.ts"
import { GoogleError } from "../google-error.ts"
import { isObject, type JsonObject } from "../json.ts"
import { createFileRequest } from "../messages/requests.ts"
import { readRequest } from "../schema/read-request.ts"
import { readKey } from "./api-key.ts"
import { readBody } from "./read-body.ts"
import { sendJson, sendReply } from "./send.ts"
import { originOf, queryOf, type Visit, versionOf } from "./visit.ts"

/** Both halves of a resumable upload: `start` names the file, then commands on the returned address bring bytes. */
export async function uploadRoute(visit: Visit): Promise<void> {
  const commands = (visit.request.get("x-goog-upload-command") ?? "").split(",").map((word) => word.trim())
  const uploadId = queryOf(visit, "upload_id")
  if (uploadId !== undefined) return continueUpload(visit, visit.state.uploads.find(uploadId), commands)
  if (commands.includes("start") && visit.request.get("x-goog-upload-protocol") === "resumable") {
    return startUpload(visit)
  }
  throw new GoogleError(
    "INVALID_ARGUMENT",
    "Only resumable uploads are emulated: X-Goog-Upload-Protocol: resumable.",
  )
}

async function startUpload(visit: Visit): Promise<void> {
  const key = readKey(visit.request)
  const body = await readBody(visit.request, 64 * 1024)
  const { file } = readRequest(createFileRequest, body, versionOf(visit))
  const metadata: JsonObject = isObject(file) ? file : {}
  const mimeType = visit.request.get("x-goog-upload-header-content-type") ?? textOf(metadata["mimeType"])
  const length = visit.request.get("x-goog-upload-header-content-length")
  const session = visit.state.uploads.start({
    key,
    fileId: textOf(metadata["name"])?.replace(/^files\//, ""),
    displayName: textOf(metadata["displayName"]),
    mimeType: mimeType ?? "application/octet-stream",
    expectedBytes: length === undefined ? undefined : Number(length),
  })
  const address = `${originOf(visit)}/upload/${versionOf(visit)}/files?upload_id=${session.id}&upload_protocol=resumable`
  visit.response.set({
    "x-goog-upload-url": address,
    "x-goog-upload-control-url": address,
    "x-goog-upload-chunk-granularity": "262144",
    "x-goog-upload-status": "active",
  })
  sendReply(visit, { status: 200, contentType: "text/plain; charset=utf-8", body: "" })
}

async function continueUpload(visit: Visit, session: UploadSession, commands: string[]): Promise<void> {
  const { uploads, files, clock, maxUploadBytes } = visit.state
  if (commands.includes("upload")) {
    const chunk = await readBody(visit.request, maxUploadBytes)
    uploads.append(session, Number(visit.request.get("x-goog-upload-offset") ?? 0), chunk)
  }
  const isEnd = commands.includes("finalize") || commands.includes("cancel")
  if (isEnd) uploads.end(session)
  visit.response.set({
    "x-goog-upload-status": commands.includes("cancel") ? "cancelled" : isEnd ? "final" : "active",
    "x-goog-upload-size-received": String(session.receivedBytes),
  })
  if (!commands.includes("finalize")) {
    return sendReply(visit, { status: 200, contentType: "text/plain; charset=utf-8", body: "" })
  }
  const file = files.add({
    key: session.key,
    mimeType: session.mimeType,
    bytes: Buffer.concat(session.chunks),
    ...(session.fileId !== undefined && { id: session.fileId }),
    ...(session.displayName !== undefined && { displayName: session.displayName }),
  })
  sendJson(visit, { file: fileResource(file, originOf(visit), clock.now()) })
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined
}
