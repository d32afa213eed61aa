import { GoogleGenAI } from "@google/genai"

/** What the bare workers of the quota benchmark are started with. */
export type Load = {
  calls: number
  keys: string[]
  upstream: string
  model: string
  limit: number | undefined
}

export const load = JSON.parse(process.env["LOAD"] ?? "") as Load
/** A minute of the benchmark, and what the usual first pause of a second is in it. */
export const windowMs = Number(process.env["WINDOW_MS"])
export const scaled = (seconds: number): number => (seconds * windowMs) / 60
export const concurrency = 32
/** Enough for every job to end. */
export const attempts = 40

const clients = load.keys.map(
  (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: load.upstream } }),
)

/** One call, with the keys in turn; throws when it is refused. */
export async function callUpstream(index: number): Promise<void> {
  await clients[index % clients.length]?.models.generateContent({
    model: load.model,
    contents: `mug ${index}`,
    config: { responseModalities: ["IMAGE"], imageConfig: { imageSize: "512" } },
  })
}
