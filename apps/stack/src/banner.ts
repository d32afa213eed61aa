export type BannerFacts = {
  url: string
  /** Absent if the operator gave it: then it is not shown. */
  apiKey?: string
  storage: string
  redis: string
  /** Absent when the emulator paints. */
  upstream?: string
  dataFolder: string
}

/** What to know and to paste after `npm start`, in at most 15 lines. */
export function banner({ url, apiKey, storage, redis, upstream, dataFolder }: BannerFacts): string {
  const key = apiKey ?? "$KILN_ADMIN_KEY"
  return `
Kiln is ready.

  API       ${url}
  Docs      ${url}/docs
  API key   ${apiKey ?? "as in KILN_ADMIN_KEY"}
  Images    ${storage}
  Redis     ${redis}
  Upstream  ${upstream ?? "EMULATOR: test pictures, nothing is sent to Google; set GEMINI_API_KEY for real ones"}
  Logs      ${dataFolder}/logs   (Ctrl-C stops everything)

Try it:
curl -s ${url}/v1/generations -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" -H "Prefer: wait=60" -d '{"prompt":"A red mug on a wooden table, morning light"}'
`
}
