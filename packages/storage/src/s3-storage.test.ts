import assert from "node:assert/strict"
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http"
import type { AddressInfo } from "node:net"
import { test } from "node:test"

import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { startFauxqs } from "fauxqs"

import { createS3Storage, type S3StorageOptions } from "./s3-storage.ts"
import { storageSuite } from "./storage.suite.ts"
import { png, randomFile, readAll } from "./test-objects.ts"

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "never-to-be-seen" }

type Seen = { method: string; url: string; headers: IncomingHttpHeaders }
/** Answers a request itself (true) or lets it pass on to the store. */
type Interrupt = (req: IncomingMessage, res: ServerResponse) => boolean

/** A store in this process behind a front that sees, and may answer, each request. */
async function openS3(options: Partial<S3StorageOptions> = {}, interrupt: Interrupt = () => false) {
  const server = await startFauxqs({ port: 0, logger: false })
  const setup = new S3Client({
    endpoint: server.address,
    region: "us-east-1",
    forcePathStyle: true,
    credentials,
  })
  await setup.send(new CreateBucketCommand({ Bucket: "kiln" }))
  setup.destroy()
  const seen: Seen[] = []
  const front = createServer((req, res) => {
    seen.push({ method: req.method ?? "", url: req.url ?? "", headers: req.headers })
    if (interrupt(req, res)) return req.resume()
    const passed = { port: server.port, method: req.method, path: req.url, headers: req.headers }
    const onward = request(passed, (reply) =>
      reply.pipe(res.writeHead(reply.statusCode ?? 500, reply.headers)),
    )
    onward.on("error", () => res.destroy())
    res.on("close", () => onward.destroy())
    return req.pipe(onward)
  })
  await new Promise<void>((resolve) => {
    front.listen(0, "127.0.0.1", resolve)
  })
  const endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const open = () => createS3Storage({ bucket: "kiln", endpoint, credentials, ...options })
  const storage = open()
  return {
    storage,
    open,
    seen,
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      front.close()
      front.closeAllConnections()
      await server.stop()
    },
  }
}

storageSuite("S3 storage", () => openS3())
storageSuite("S3 storage below a prefix", () => openS3({ prefix: "some/prefix" }))

test("a file is sent once, with its length and SHA-256 and without chunk frames", async () => {
  await using s3 = await openS3()
  await using file = await randomFile()
  await s3.storage.put("job/0.png", file.body, { ...png, ifAbsent: true })
  const puts = s3.seen.filter(({ method }) => method === "PUT")
  assert.equal(puts.length, 1)
  const headers = puts[0]?.headers ?? {}
  assert.equal(headers["content-length"], String(file.body.bytes))
  assert.equal(headers["x-amz-content-sha256"], file.body.sha256)
  assert.equal(headers["if-none-match"], "*")
  for (const name of ["transfer-encoding", "content-encoding", "expect", "x-amz-trailer"]) {
    assert.equal(headers[name], undefined, name)
  }
})

test("a file is sent again, whole, after the store failed", async () => {
  let failures = 2
  await using s3 = await openS3({}, (req, res) => {
    if (req.method !== "PUT" || failures-- <= 0) return false
    res.writeHead(503).end()
    return true
  })
  await using file = await randomFile()
  assert.deepEqual(await s3.storage.put("job/0.png", file.body, png), { stored: true })
  assert.ok((await readAll(s3.storage, "job/0.png")).equals(file.content))
})

test("a connection that breaks for good is a storage error after the allowed attempts", async () => {
  await using s3 = await openS3(
    { maxAttempts: 2 },
    (req) => req.method === "PUT" && req.destroy() !== undefined,
  )
  await using file = await randomFile()
  await assert.rejects(s3.storage.put("job/0.png", file.body, png), { code: "storage_error" })
  assert.equal(s3.seen.length, 2)
})

test("two processes store once where the store honours If-None-Match", async () => {
  const taken = new Set<string>()
  await using s3 = await openS3({}, (req, res) => {
    const url = req.url ?? ""
    if (req.method !== "PUT" || req.headers["if-none-match"] !== "*") return false
    if (!taken.has(url)) {
      taken.add(url)
      return false
    }
    res.writeHead(412).end()
    return true
  })
  await using other = s3.open()
  const answers = await Promise.all(
    [s3.storage, other].map((storage, index) =>
      storage.put("job/0.png", Buffer.from(String(index)), { ...png, ifAbsent: true }),
    ),
  )
  assert.equal(answers.filter(({ stored }) => stored).length, 1)
})

test("a conflict is decided by what is there afterwards", async () => {
  let conflicts = 1
  await using s3 = await openS3({}, (req, res) => {
    if (req.method !== "PUT" || conflicts-- <= 0) return false
    res.writeHead(409).end()
    return true
  })
  assert.deepEqual(await s3.storage.put("a", Buffer.from("x"), { ...png, ifAbsent: true }), { stored: true })
  conflicts = 9
  await assert.rejects(s3.storage.put("b", Buffer.from("x"), { ...png, ifAbsent: true }), {
    code: "storage_error",
  })
})

test("objects are removed page by page", async () => {
  let pages = 0
  await using s3 = await openS3({}, (req) => {
    if (!req.url?.includes("list-type=2")) return false
    pages++
    req.url += "&max-keys=10"
    return false
  })
  const keys = Array.from({ length: 25 }, (_, index) => `many/${index}`)
  await Promise.all(keys.map((key) => s3.storage.put(key, Buffer.from("x"), png)))
  assert.equal(await s3.storage.removeAll("many"), 25)
  assert.equal(pages, 3)
  for (const key of keys) assert.equal(await s3.storage.head(key), undefined)
})

test("an error names bucket and operation, and no secret", async () => {
  await using s3 = await openS3({ bucket: "absent" })
  const failure = await s3.storage.put("a", Buffer.from("x"), png).catch((error: unknown) => error)
  assert.ok(failure instanceof Error)
  assert.match(failure.message, /^S3 bucket absent failed at PutObject \(NoSuchBucket, 404\)$/)
  assert.doesNotMatch(
    JSON.stringify(failure, [...Object.getOwnPropertyNames(failure), "cause"]),
    /never-to-be-seen|AKIDEXAMPLE/,
  )
  await assert.rejects(s3.storage.check(), { code: "storage_error" })
})

test("a store that does not answer fails the check with the reason", async () => {
  await using storage = createS3Storage({
    bucket: "kiln",
    endpoint: "http://127.0.0.1:1",
    credentials,
    maxAttempts: 1,
  })
  await assert.rejects(storage.check(), { message: /failed at PutObject \(.*ECONNREFUSED/ })
})

test("a download link names the file, and lives as long as asked and at most 7 days", async () => {
  await using s3 = await openS3({ prefix: "some/prefix" })
  const url = new URL(
    await s3.storage.sign("a=b/0.png", {
      expiresAt: new Date(Date.now() + 60_500),
      downloadName: "Käse.png",
    }),
  )
  assert.equal(decodeURIComponent(url.pathname), "/kiln/some/prefix/a=b/0.png")
  assert.match(
    url.searchParams.get("response-content-disposition") ?? "",
    /^attachment; .*filename\*=UTF-8''K%C3%A4se\.png/,
  )
  assert.ok(["60", "59"].includes(url.searchParams.get("X-Amz-Expires") ?? ""))
  assert.doesNotMatch(url.href, /never-to-be-seen/)
  await assert.rejects(s3.storage.sign("a", { expiresAt: new Date(Date.now() + 8 * 86_400_000) }), {
    code: "storage_error",
  })
})

test("links are signed for the endpoint that callers reach", async () => {
  await using s3 = await openS3({ publicEndpoint: "https://images.example" })
  const url = new URL(await s3.storage.sign("a/0.png", { expiresAt: new Date(Date.now() + 60_000) }))
  assert.equal(url.origin, "https://images.example")
  assert.ok(url.searchParams.get("X-Amz-Signature"))
})

test("with a public address the links are plain", async () => {
  await using s3 = await openS3({ publicBaseUrl: "https://cdn.example/images/" })
  assert.equal(
    await s3.storage.sign("a/0.png", { expiresAt: new Date() }),
    "https://cdn.example/images/a/0.png",
  )
})

test("connections are used again", async () => {
  const ports = new Set<number | undefined>()
  await using s3 = await openS3({}, (req) => {
    ports.add(req.socket.remotePort)
    return false
  })
  await using file = await randomFile(1_000_000)
  for (let index = 0; index < 5; index++) {
    await s3.storage.put("a", file.body, png)
    await readAll(s3.storage, "a")
  }
  assert.equal(ports.size, 1)
})
