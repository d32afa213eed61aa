import { Pool } from "undici"

/** The least that posts: the same body again and again over connections that are kept, so many at once. */
const env = (name: string) => process.env[name] ?? ""
const pool = new Pool(env("RECEIVER"), { connections: Number(env("IN_FLIGHT")) })
const headers = { "content-type": "application/json" }
const atStart = process.cpuUsage()
let left = Number(env("TOTAL"))

async function lane(): Promise<void> {
  while (left-- > 0) {
    const answer = await pool.request({ method: "POST", path: "/bare", headers, body: env("BODY") })
    await answer.body.dump()
  }
}
await Promise.all(Array.from({ length: Number(env("IN_FLIGHT")) }, lane))
await pool.close()
const { user, system } = process.cpuUsage(atStart)
process.stdout.write(`used ${(user + system) / 1_000} ms\n`)
