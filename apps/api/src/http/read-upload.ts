import type { Request } from "express"

import { createRooms, openForm, passBody, saveFile, tooLarge, unknownPart, wrongPart } from "./form.ts"

export type UploadLimits = {
  /** Of one file. */
  mostBytes: number
  /** Of all files that are on their way, however many clients send slowly. */
  mostHeldBytes: number
}

/** What stands around the file in a form. */
const formBytes = 64 * 1024

/**
 * Streams the one file of a form to a file of this machine. It throws a Refusal for a form of another kind or a file
 * that is too large, HangUp for half a body.
 */
export function createReadUpload({ mostBytes, mostHeldBytes }: UploadLimits) {
  const openRoom = createRooms({ mostHeldBytes })

  return async (req: Request, { part, target }: { part: string; target: string }): Promise<void> => {
    if (Number(req.headers["content-length"]) > mostBytes + formBytes) throw tooLarge(mostBytes)
    using room = openRoom()
    const form = openForm(req, { fileSize: mostBytes, files: 2, parts: 3 })
    const { promise: failed, reject } = Promise.withResolvers<never>()
    failed.catch(() => undefined)
    const stop = new AbortController()
    let saving: Promise<unknown> | undefined
    form.on("field", (name) => reject(unknownPart(name)))
    form.on("file", (name, file) => {
      // A stream that nobody listens to would end the process when its form breaks off.
      file.on("error", () => undefined)
      if (name === part && !saving) {
        saving = saveFile(file, { target, room, mostBytes, signal: stop.signal })
        saving.catch(reject)
        return
      }
      reject(name === part ? tooManyFiles(part) : unknownPart(name))
      file.resume()
    })
    try {
      await passBody(req, form, { failed, fail: reject })
      await saving
    } catch (error) {
      // Half a form never ends the stream of its file.
      stop.abort()
      await saving?.catch(() => undefined)
      throw error
    }
    if (!saving) throw wrongPart(`/${part}`, "required", `${part}: is required, as a file`)
  }
}

const tooManyFiles = (part: string) =>
  wrongPart(`/${part}`, "too_big", `${part}: one file is taken at a time`)
