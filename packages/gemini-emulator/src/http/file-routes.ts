import { fileResource, type StoredFile } from "../files/file-store.ts"
import { sendJson } from "./send.ts"
import { originOf, queryOf, type Visit } from "./visit.ts"

export function getFileRoute(visit: Visit): void {
  sendJson(visit, resource(visit, visit.state.files.get(visit.params["file"] ?? "", visit.key)))
}

export function deleteFileRoute(visit: Visit): void {
  visit.state.files.remove(visit.params["file"] ?? "", visit.key)
  sendJson(visit, {})
}

export function listFilesRoute(visit: Visit): void {
  const pageSize = Math.min(100, Number(queryOf(visit, "pageSize") ?? 10) || 10)
  const start = Number(queryOf(visit, "pageToken") ?? 0) || 0
  const files = visit.state.files.list(visit.key)
  const end = start + pageSize
  sendJson(visit, {
    ...(files.length > 0 && { files: files.slice(start, end).map((file) => resource(visit, file)) }),
    ...(end < files.length && { nextPageToken: String(end) }),
  })
}

function resource(visit: Visit, file: StoredFile) {
  return fileResource(file, originOf(visit), visit.state.clock.now())
}
