import type { Request, Response } from "express"

import type { Call } from "../call-log.ts"
import type { EmulatorState } from "../emulator-state.ts"

/** One request while it is being answered. */
export type Visit = {
  state: EmulatorState
  request: Request
  response: Response
  call: Call
  /** The caller's key; empty on the emulator's own routes. */
  key: string
  /** What the route's pattern captured. */
  params: Readonly<Record<string, string>>
  /** Aborted when the client goes. */
  signal: AbortSignal
}

/** The API version in the path. */
export function versionOf(visit: Visit): string {
  return visit.params["version"] ?? "v1beta"
}

/** The address under which the caller reached the emulator. */
export function originOf({ request }: Visit): string {
  return `${request.protocol}://${request.get("host") ?? "localhost"}`
}

/** A query parameter that was given once. */
export function queryOf({ request }: Visit, name: string): string | undefined {
  const value = request.query[name]
  return typeof value === "string" ? value : undefined
}
