import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { test } from "node:test"

import { operations, type Job } from "@kiln/contract"
import { damaged, sampleImages, seeded } from "@kiln/images/testing"

import { startWorld, type World } from "../world/world.ts"

/** Thousands more are read without a worker, in the tests of `images`. */
const images = 300
const atOnce = 50

/** A web server with as many images as there are numbers, each damaged in its own way. */
async function serveDamaged() {
  const samples = await Promise.all(Object.values(sampleImages).map((make) => make()))
  const server = createServer((request, response) => {
    const number = Number(request.url?.slice(1))
    const whole = samples[number % samples.length] ?? Buffer.of()
    response.end(damaged(whole, Math.floor(number / samples.length), seeded(number)))
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: (number: number) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${number}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Has the worker read the image. The upstream blocks the prompt, so that no time goes into painting. */
async function read(world: World, url: string): Promise<Job> {
  const body = { prompt: "[[prompt_block]] in winter", images: [{ url }] }
  return world.ended((await world.client.send(operations.createEdit, { body })).id)
}

test("300 damaged images are read or refused, and the worker that reads them goes on", async () => {
  await using world = await startWorld({ env: { KILN_ALLOW_PRIVATE: "inputs", KILN_CONCURRENCY: "20" } })
  await using server = await serveDamaged()
  const ends = new Map<string, number>()
  for (let first = 0; first < images; first += atOnce) {
    const numbers = Array.from({ length: atOnce }, (_, at) => first + at)
    const jobs = await Promise.all(numbers.map((number) => read(world, server.url(number))))
    for (const [at, { attempts, error }] of jobs.entries()) {
      const code = error?.code ?? "none"
      assert.ok(code === "input_unreadable" || code === "content_blocked", `image ${first + at}: ${code}`)
      assert.equal(attempts.length, 1, `image ${first + at}`)
      ends.set(code, (ends.get(code) ?? 0) + 1)
    }
  }
  const few = Math.min(ends.get("input_unreadable") ?? 0, ends.get("content_blocked") ?? 0)
  assert.ok(few > images / 10, JSON.stringify([...ends]))
  assert.equal((await world.make({ prompt: "A red mug" })).status, "succeeded")
})
