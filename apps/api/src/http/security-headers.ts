import { IncomingMessage, ServerResponse } from "node:http"
import { Socket } from "node:net"

import type { RequestHandler } from "express"
import helmet from "helmet"

/** One policy for all: answers are data, and the pages of `/docs` bring all that they need. */
const secure = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", "data:"],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // Images behind signed links are made to be shown on other sites.
  crossOriginResourcePolicy: { policy: "cross-origin" },
  // Whoever terminates TLS decides on this for the whole domain.
  strictTransportSecurity: false,
})

/** They are the same for every answer: Helmet is asked once. */
const headers = headersBy(secure)

export const securityHeaders: RequestHandler = (_req, res, next) => {
  for (const [name, value] of headers) res.setHeader(name, value)
  next()
}

function headersBy(middleware: ReturnType<typeof helmet>): [string, string][] {
  const found: [string, string][] = []
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  res.setHeader = (name, value) => {
    found.push([name, String(value)])
    return res
  }
  middleware(req, res, () => {})
  return found
}
