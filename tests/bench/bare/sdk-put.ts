import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { GoogleGenAI } from "@google/genai"

/** What one writes with the two SDKs: pictures made and stored in parallel, when a request asks for it. */
const env = (name: string) => process.env[name] ?? ""
const google = new GoogleGenAI({ apiKey: "bare", httpOptions: { baseUrl: env("UPSTREAM") } })
const s3 = new S3Client({
  endpoint: env("S3_ENDPOINT"),
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
})

async function make(index: number): Promise<void> {
  const reply = await google.models.generateContent({
    model: env("MODEL"),
    contents: `picture ${index}`,
    config: { responseModalities: ["IMAGE"] },
  })
  const data = reply.candidates?.[0]?.content?.parts?.[0]?.inlineData?.data ?? ""
  await s3.send(
    new PutObjectCommand({
      Bucket: "bench",
      Key: `${index}.jpeg`,
      Body: Buffer.from(data, "base64"),
      ContentType: "image/jpeg",
    }),
  )
}

async function makeAll(): Promise<void> {
  await Promise.all(Array.from({ length: Number(env("PICTURES")) }, (_, index) => make(index)))
}

const server = createServer((_request, response) => {
  makeAll().then(
    () => response.end(),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
})
server.listen(0, "127.0.0.1")
await once(server, "listening")
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
