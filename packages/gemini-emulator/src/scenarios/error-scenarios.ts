import { errorDetail, GoogleError, internalError } from "../google-error.ts"
import { retiredModel } from "../models/find-model.ts"
import { prepaymentError, quotaError, quotaLimits, zeroQuotaError } from "../quota/quota-error.ts"
import { numberOf, type RefusedCall, type Reply, type Scenario } from "./scenario.ts"

const overloaded = () => new GoogleError("UNAVAILABLE", "The model is overloaded. Please try again later.")

const ordinals = "how many calls with the same prompt and key fail, 1 if absent"

function failing(name: string, error: () => GoogleError, description: string): Scenario {
  return {
    name,
    description,
    argument: ordinals,
    refuse: ({ argument, attempt }) => (attempt() <= numberOf(argument, 1) ? error() : undefined),
  }
}

/** Errors in Google's envelope, and the front end's own. */
export const errorScenarios: readonly Scenario[] = [
  {
    name: "429_minute",
    description: "429, requests a minute used up, with QuotaFailure and RetryInfo",
    argument: "seconds of retryDelay, 34.4 if absent",
    refuse: ({ argument, model }) =>
      quotaError({ ...quotaLimits.rpm, limit: 20, model, retrySeconds: numberOf(argument, 34.4) }),
  },
  {
    name: "429_day",
    description: "429, requests a day used up; its short retryDelay is not to be believed",
    refuse: ({ model }) => quotaError({ ...quotaLimits.rpd, limit: 250, model, retrySeconds: 34.4 }),
  },
  {
    name: "429_zero",
    description: "429, the free tier's limit is 0: waiting does not help",
    refuse: ({ model }) => zeroQuotaError(model),
  },
  {
    name: "429_prepay",
    description: "429, prepayment credits are depleted",
    refuse: prepaymentError,
  },
  {
    name: "429_bare",
    description: "429 without details",
    refuse: () => new GoogleError("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
  },
  { name: "500", description: "500 INTERNAL", refuse: internalError },
  failing("500_times", internalError, "500 INTERNAL for the first k calls, then the usual answer"),
  { name: "503", description: "503 UNAVAILABLE, overloaded", refuse: overloaded },
  failing("503_times", overloaded, "503 UNAVAILABLE for the first k calls, then the usual answer"),
  {
    name: "504",
    description: "504 DEADLINE_EXCEEDED",
    refuse: () => new GoogleError("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
  },
  {
    name: "401",
    description: "401 UNAUTHENTICATED, as for a bad OAuth token",
    refuse: () =>
      new GoogleError(
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
      ),
  },
  { name: "402", description: "402, payment required; no status word", refuse: paymentRequired },
  { name: "403_blocked", description: "403, the key may not call this API", refuse: blockedKey },
  {
    name: "403_leaked",
    description: "403, the key was reported as leaked",
    refuse: () =>
      new GoogleError(
        "PERMISSION_DENIED",
        "Your API key was reported as leaked. Please use another API key.",
      ),
  },
  {
    name: "404_gone",
    description: "404, the model is no longer available",
    refuse: ({ model }) => retiredModel(model),
  },
  {
    name: "location",
    description: "400 FAILED_PRECONDITION, the caller's location is not supported",
    refuse: () => new GoogleError("FAILED_PRECONDITION", "User location is not supported for the API use."),
  },
  { name: "html_502", description: "502 with an HTML page", refuse: () => htmlError(502, "Server Error") },
  {
    name: "html_413",
    description: "413 with an HTML page",
    refuse: () => htmlError(413, "Request Entity Too Large"),
  },
  {
    name: "empty_body",
    description: "200 with an empty body",
    refuse: () => ({ status: 200, contentType: "application/json; charset=UTF-8", body: "" }),
  },
]

/** The page that Google's front end sends for an error of its own. */
export function htmlError(status: number, title: string): Reply {
  const body = `<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error ${status} (${title})!!1</title>\n  <p><b>${status}.</b> <ins>That’s an error.</ins>\n  <p>${title}. <ins>That’s all we know.</ins>\n</html>\n`
  return { status, contentType: "text/html; charset=UTF-8", body }
}

function paymentRequired(): Reply {
  const message = "Your prepaid credits are exhausted. Please add credits to continue."
  const body = JSON.stringify({ error: { code: 402, message } }, null, 2)
  return { status: 402, contentType: "application/json; charset=UTF-8", body }
}

function blockedKey({ version, method }: RefusedCall): GoogleError {
  const service = "generativelanguage.googleapis.com"
  const rpc = `google.ai.generativelanguage.${version}.GenerativeService.${method[0]?.toUpperCase()}${method.slice(1)}`
  return new GoogleError("PERMISSION_DENIED", `Requests to this API ${service} method ${rpc} are blocked.`, [
    errorDetail("ErrorInfo", {
      reason: "API_KEY_SERVICE_BLOCKED",
      domain: "googleapis.com",
      metadata: { service, methodName: rpc },
    }),
  ])
}
