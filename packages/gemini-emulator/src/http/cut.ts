import type { Response } from "express"

const cutOnPurpose = new WeakSet<Response>()

/** Destroys the connection as a scenario wants it; the call is then not taken for one that the client left. */
export function cut(response: Response): void {
  cutOnPurpose.add(response)
  response.destroy()
}

/** Whether the emulator itself broke the connection. */
export function wasCut(response: Response): boolean {
  return cutOnPurpose.has(response)
}
