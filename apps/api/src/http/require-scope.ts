import { Refusal, type Scope } from "@kiln/contract"
import type { Response } from "express"

import { callerOf } from "./call.ts"

/** Throws `forbidden` unless the caller's key may do this; `admin` may do everything. */
export function requireScope(res: Response, scope: Scope): void {
  const { scopes } = callerOf(res).key
  if (!scopes.includes(scope) && !scopes.includes("admin")) {
    throw new Refusal("forbidden", `The API key lacks the scope ${scope}`)
  }
}
