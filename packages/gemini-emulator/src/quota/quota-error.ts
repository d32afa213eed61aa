import { errorDetail, GoogleError } from "../google-error.ts"

/** What a limit is called in errors. The names for images a minute are not documented; they follow the others. */
export type LimitName = { metric: string; quotaId: string }

export const quotaLimits = {
  rpm: { metric: "generate_requests_per_model", quotaId: "GenerateRequestsPerMinutePerProjectPerModel" },
  ipm: { metric: "generate_images_per_model", quotaId: "GenerateImagesPerMinutePerProjectPerModel" },
  rpd: { metric: "generate_requests_per_model_per_day", quotaId: "GenerateRequestsPerDayPerProjectPerModel" },
} as const satisfies Record<string, LimitName>

const service = "generativelanguage.googleapis.com"
const opening =
  "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: https://ai.dev/rate-limit. "
const help = errorDetail("Help", {
  links: [
    {
      description: "Learn more about Gemini API quotas",
      url: "https://ai.google.dev/gemini-api/docs/rate-limits",
    },
  ],
})

/** The 429 for one exhausted limit; `retrySeconds` goes into the message and into RetryInfo. */
export function quotaError(
  violation: LimitName & { limit: number; isSilent?: boolean; model: string; retrySeconds: number },
): GoogleError {
  return exhausted([violation], violation.retrySeconds)
}

/** The 429 of a project without billing: every free-tier limit of the model is 0. */
export function zeroQuotaError(model: string): GoogleError {
  const tokens = "generate_content_free_tier_input_token_count"
  const requests = "generate_content_free_tier_requests"
  const violations = [
    { metric: tokens, quotaId: "GenerateContentInputTokensPerModelPerMinute-FreeTier" },
    { metric: requests, quotaId: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier" },
    { metric: requests, quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" },
  ]
  return exhausted(
    violations.map(({ metric, quotaId }) => ({ metric, quotaId, limit: 0, model })),
    25.3,
  )
}

/** The 429 of a project whose prepaid credits are used up. */
export function prepaymentError(): GoogleError {
  return new GoogleError(
    "RESOURCE_EXHAUSTED",
    "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your project and billing.",
  )
}

function exhausted(
  violations: readonly (LimitName & { limit: number; isSilent?: boolean; model: string })[],
  retrySeconds: number,
): GoogleError {
  const lines = violations.map(
    ({ metric, limit, isSilent = false, model }) =>
      `\n* Quota exceeded for metric: ${service}/${metric},${isSilent ? "" : ` limit: ${limit},`} model: ${model}`,
  )
  const message = `${opening}${lines.join("")}\nPlease retry in ${retrySeconds}s.`
  return new GoogleError("RESOURCE_EXHAUSTED", message, [
    help,
    errorDetail("QuotaFailure", {
      violations: violations.map(({ metric, quotaId, limit, isSilent = false, model }) => ({
        quotaMetric: `${service}/${metric}`,
        quotaId,
        quotaDimensions: { location: "global", model },
        ...(limit > 0 && !isSilent && { quotaValue: String(limit) }),
      })),
    }),
    errorDetail("RetryInfo", { retryDelay: `${retrySeconds}s` }),
  ])
}
