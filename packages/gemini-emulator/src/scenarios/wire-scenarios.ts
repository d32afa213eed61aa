import { numberOf, type Scenario } from "./scenario.ts"

/** The usual answer, but late, rewritten, or not to its end. */
export const wireScenarios: readonly Scenario[] = [
  {
    name: "slow",
    description: "the usual answer, late",
    argument: "seconds, 90 if absent, at most 600",
    wire: (argument) => ({ delayMs: Math.min(600, Math.max(0, numberOf(argument, 90))) * 1000 }),
  },
  { name: "hang", description: "never answers; ends when the client goes", wire: () => ({ ending: "hang" }) },
  {
    name: "cut",
    description: "the connection is destroyed before any header",
    wire: () => ({ ending: "cut" }),
  },
  {
    name: "cut_body",
    description: "the connection is destroyed half way in the body",
    wire: () => ({ ending: "cut_body" }),
  },
  {
    name: "mid_stream_error",
    description: "a stream whose last chunk is a 503 error (unary: a 503)",
    wire: () => ({ ending: "error" }),
  },
  {
    name: "truncated_json",
    description: "200 whose JSON ends early, the transfer being complete",
    wire: () => ({ rewrite: (json) => json.slice(0, Math.floor(json.length * 0.6)) }),
  },
  {
    name: "snake_case",
    description: "200 with inline_data and mime_type, as some gateways send",
    wire: () => ({
      rewrite: (json) =>
        json.replaceAll('"inlineData"', '"inline_data"').replaceAll('"mimeType"', '"mime_type"'),
    }),
  },
  {
    name: "escaped",
    description: String.raw`200 whose base64 is written with the escapes \/ and \u003d`,
    wire: () => ({
      rewrite: (json) =>
        json.replaceAll(
          /("data":\s?")([^"]*)"/g,
          (_, name: string, data: string) =>
            `${name}${data.replaceAll("/", String.raw`\/`).replaceAll("=", String.raw`\u003d`)}"`,
        ),
    }),
  },
]
