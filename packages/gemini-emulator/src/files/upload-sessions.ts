import { randomBytes } from "node:crypto"

import { createBoundedMap } from "../bounded-map.ts"
import { GoogleError } from "../google-error.ts"

/** An upload that has begun; `bytes` grows with every chunk. */
export type UploadSession = {
  id: string
  key: string
  fileId: string | undefined
  displayName: string | undefined
  mimeType: string
  /** The length announced at the start, if any. */
  expectedBytes: number | undefined
  chunks: Buffer[]
  receivedBytes: number
}

export type UploadSessions = {
  start(
    facts: Pick<UploadSession, "key" | "fileId" | "displayName" | "mimeType" | "expectedBytes">,
  ): UploadSession
  /** @throws GoogleError 404 for an upload that is unknown or done. */
  find(id: string): UploadSession
  /** Adds a chunk. @throws GoogleError 400 when it does not continue where the last one ended. */
  append(session: UploadSession, offset: number, chunk: Buffer): void
  end(session: UploadSession): void
}

/** Remembers the uploads under way, the last 1000 of them, each up to `limitBytes`. */
export function createUploadSessions({ limitBytes }: { limitBytes: number }): UploadSessions {
  const sessions = createBoundedMap<UploadSession | null>({ limit: 1000 })
  return {
    start(facts) {
      if ((facts.expectedBytes ?? 0) > limitBytes) throw tooLarge(limitBytes)
      const id = randomBytes(24).toString("base64url")
      const session = { ...facts, id, chunks: [], receivedBytes: 0 }
      sessions.set(id, session)
      return session
    },
    find(id) {
      const session = sessions.get(id)
      if (session === undefined || session === null) throw new GoogleError("NOT_FOUND", "Upload not found.")
      return session
    },
    append(session, offset, chunk) {
      if (offset !== session.receivedBytes) {
        const message = `Upload offset ${offset} does not match the ${session.receivedBytes} bytes received.`
        throw new GoogleError("INVALID_ARGUMENT", message)
      }
      if (session.receivedBytes + chunk.length > (session.expectedBytes ?? limitBytes)) {
        throw tooLarge(session.expectedBytes ?? limitBytes)
      }
      session.chunks.push(chunk)
      session.receivedBytes += chunk.length
    },
    end: (session) => sessions.set(session.id, null),
  }
}

function tooLarge(limitBytes: number): GoogleError {
  return new GoogleError("INVALID_ARGUMENT", `Request payload size exceeds the limit: ${limitBytes} bytes.`)
}
