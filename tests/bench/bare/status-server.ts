import { once } from "node:events"
import type { AddressInfo } from "node:net"

import express from "express"
import { Redis } from "ioredis"

/** The least that tells of a job: Express, and the fields of its hash as JSON. */
const redis = new Redis(process.env["REDIS_SOCKET"] ?? "")
const app = express()
// oxlint-disable-next-line no-async-endpoint-handlers -- Express 5 takes care of rejections.
app.get("/v1/jobs/:id", async (req, res) => {
  res.json(await redis.hgetall(`{kiln}:job:${req.params.id}`))
})
const server = app.listen(0, "127.0.0.1")
await once(server, "listening")
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
