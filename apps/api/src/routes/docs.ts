import { readFileSync } from "node:fs"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

import { describe, operations } from "@kiln/contract"
import express, { Router } from "express"

import { sendText } from "../http/send.ts"
import { guidancePage } from "../view/guidance-page.ts"

const start = `window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "../v1/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  })
}
`

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string
}

/** The API's own description, and the pages that show it; both work without a key and without the internet. */
export function docs({ publicUrl }: { publicUrl: string }): Router {
  const description = JSON.stringify(describe({ version, url: publicUrl, operations }))
  const pages = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")))
  const router = Router()
  router.get("/v1/openapi.json", (_req, res) => {
    res.setHeader("Cache-Control", "no-cache")
    sendText(res, description, "application/json; charset=utf-8")
  })
  const guidance = guidancePage()
  router.get("/docs/guidance", (_req, res) => {
    res.setHeader("Cache-Control", "no-cache")
    sendText(res, guidance, "text/html; charset=utf-8")
  })
  // Swagger's own page has no script of its own inside; the one that starts it is ours.
  router.get("/docs/swagger-initializer.js", (_req, res) => {
    res.setHeader("Cache-Control", "no-cache")
    sendText(res, start, "text/javascript; charset=utf-8")
  })
  router.use("/docs", express.static(pages, { index: "index.html", etag: true, maxAge: "1h" }))
  return router
}
