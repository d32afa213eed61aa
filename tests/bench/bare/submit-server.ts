import { once } from "node:events"
import type { AddressInfo } from "node:net"

import { Queue } from "bullmq"
import express from "express"
import { Redis } from "ioredis"

/** The least that takes a job: Express, its JSON parser, and one `queue.add`. */
const redis = new Redis(process.env["REDIS_SOCKET"] ?? "", { maxRetriesPerRequest: null })
const queue = new Queue("bare", { connection: redis })
const app = express()
app.use(express.json())
// oxlint-disable-next-line no-async-endpoint-handlers -- Express 5 takes care of rejections.
app.post("/v1/generations", async (req, res) => {
  const job = await queue.add("image", req.body)
  res.status(202).json({ id: job.id, status: "queued" })
})
const server = app.listen(0, "127.0.0.1")
await once(server, "listening")
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
