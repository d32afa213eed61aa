import { isBearer, type Metrics } from "@kiln/runtime"
import { Router, type RequestHandler } from "express"

import type { createApiMetrics } from "../api-metrics.ts"
import { requireScope } from "../http/require-scope.ts"
import { sendText } from "../http/send.ts"

type Deps = {
  metrics: Pick<Metrics, "contentType">
  apiMetrics: Pick<ReturnType<typeof createApiMetrics>, "text">
  /** Finds out who calls, where the token is not theirs. */
  authenticate: RequestHandler
  token: string | undefined
}

/** `/metrics` for Prometheus: with the token of the deployment, or with an admin key. */
export function metricsPage({ metrics, apiMetrics, authenticate, token }: Deps): Router {
  const router = Router()
  const admit: RequestHandler = (req, res, next) => {
    if (token !== undefined && isBearer(req.headers.authorization, token)) return next()
    return authenticate(req, res, (error?: unknown) => {
      if (error === undefined) requireScope(res, "admin")
      next(error)
    })
  }
  router.get("/metrics", admit, async (_req, res) => {
    const text = await apiMetrics.text()
    res.setHeader("Cache-Control", "no-store")
    sendText(res, text, metrics.contentType)
  })
  return router
}
