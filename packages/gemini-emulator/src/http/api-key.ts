import type { Request } from "express"

import { errorDetail, GoogleError } from "../google-error.ts"

/** Keys that are refused, each as Google refuses its kind. Any other key is good. */
const badKeys: Readonly<Record<string, () => GoogleError>> = {
  "": () => invalidKey("API key not valid. Please pass a valid API key."),
  bad: () => invalidKey("API key not valid. Please pass a valid API key."),
  expired: () => invalidKey("API key expired. Please renew the API key."),
  leaked: () =>
    new GoogleError("PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
}

/**
 * The caller's key, from the header, the query or a bearer token.
 * @throws GoogleError 403 without one, 400 (or 403) for a bad one.
 */
export function readKey(request: Request): string {
  const query = request.query["key"]
  const bearer = /^Bearer\s*(.*)$/i.exec(request.get("authorization") ?? "")?.[1]
  const key = request.get("x-goog-api-key") ?? (typeof query === "string" ? query : undefined) ?? bearer
  if (key === undefined) {
    throw new GoogleError(
      "PERMISSION_DENIED",
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
    )
  }
  const refusal = Object.hasOwn(badKeys, key) ? badKeys[key]?.() : undefined
  if (refusal !== undefined) throw refusal
  return key
}

function invalidKey(message: string): GoogleError {
  return new GoogleError("INVALID_ARGUMENT", message, [
    errorDetail("ErrorInfo", {
      reason: "API_KEY_INVALID",
      domain: "googleapis.com",
      metadata: { service: "generativelanguage.googleapis.com" },
    }),
    errorDetail("LocalizedMessage", { locale: "en-US", message }),
  ])
}
