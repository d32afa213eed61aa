const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/

/** The id of the caller's trace (W3C Trace Context), by which our log lines are found; undefined without a valid one. */
export const traceIdOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? traceparent.exec(header)?.[1] : undefined
