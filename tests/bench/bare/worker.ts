import { writeFile } from "node:fs/promises"
import { join } from "node:path"

import { GoogleGenAI } from "@google/genai"
import { Worker } from "bullmq"
import { Redis } from "ioredis"
import sharp from "sharp"

/** The least that does a job: Google's SDK, a PNG written to the disk, and the times told to whoever waits. */
type Data = { prompt: string; model: string }

const env = (name: string) => process.env[name] ?? ""
const connection = new Redis(env("REDIS_SOCKET"), { maxRetriesPerRequest: null })
const told = new Redis(env("REDIS_SOCKET"))
const google = new GoogleGenAI({ apiKey: "bare", httpOptions: { baseUrl: env("UPSTREAM") } })

const worker = new Worker<Data>(
  "bare",
  async ({ data: { prompt, model }, id, timestamp }) => {
    const reply = await google.models.generateContent({
      model,
      contents: prompt,
      config: { responseModalities: ["IMAGE"] },
    })
    const image = Buffer.from(reply.candidates?.[0]?.content?.parts?.[0]?.inlineData?.data ?? "", "base64")
    const { format } = await sharp(image).metadata()
    await writeFile(
      join(env("FOLDER"), `${id}.png`),
      format === "png"
        ? image
        : await sharp(image).png({ compressionLevel: 3, adaptiveFiltering: true }).toBuffer(),
    )
    await told.publish("bare:done", JSON.stringify({ prompt, tookMs: Date.now() - timestamp }))
  },
  { connection, concurrency: Number(env("CONCURRENCY")), removeOnComplete: { count: 0 } },
)
await worker.waitUntilReady()
process.stdout.write("listening on the queue\n")
