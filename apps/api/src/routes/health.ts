import type { operations, Readiness } from "@kiln/contract"

import type { Handler } from "../http/mount.ts"

export function getHealth(): Handler<typeof operations.getHealth> {
  return async () => ({ body: { status: "ok" } })
}

export function getReadiness(deps: {
  readiness: () => Promise<Readiness>
}): Handler<typeof operations.getReadiness> {
  return async () => {
    const body = await deps.readiness()
    return { status: body.status === "ready" ? 200 : 503, body }
  }
}
