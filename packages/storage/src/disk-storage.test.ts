import assert from "node:assert/strict"
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { Refusal } from "@kiln/contract"

import { createDiskStorage } from "./disk-storage.ts"
import { serveFile } from "./serve-file.ts"
import { storageSuite } from "./storage.suite.ts"
import { randomFile, readAll } from "./test-objects.ts"

const secret = "a secret of this test"
const text = { contentType: "text/plain; charset=utf-8" }
const inAMinute = () => new Date(Date.now() + 60_000)

/** A disk storage in a folder of its own, its links answered by a server; `clock.now` is that server's time. */
async function openDisk() {
  const folder = await mkdtemp(join(tmpdir(), "kiln-disk-"))
  const clock: { now?: Date } = {}
  const handler = serveFile({ folder, secret, now: () => clock.now ?? new Date() })
  const server = createServer((req, res) => {
    void handler(req, res, (error) => {
      res.writeHead(error instanceof Refusal ? error.status : error === undefined ? 405 : 500)
      res.end(error instanceof Refusal ? error.code : "")
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const storage = createDiskStorage({ folder, baseUrl, secret })
  return {
    storage,
    folder,
    baseUrl,
    clock,
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true })
    },
  }
}

storageSuite("disk storage", openDisk)

test("no symbolic link leads out of the folder", async () => {
  await using disk = await openDisk()
  const outside = await mkdtemp(join(tmpdir(), "kiln-outside-"))
  await disk.storage.check()
  await disk.storage.put("inside/a", Buffer.from("x"), text)
  await writeFile(
    join(outside, "a~"),
    JSON.stringify({ file: "a~0123456789abcdef", bytes: 0, sha256: "", content_type: "x", metadata: {} }),
  )
  await writeFile(join(outside, "a~0123456789abcdef"), "")
  await symlink(outside, join(disk.folder, "evil"))
  await symlink(join(outside, "a~"), join(disk.folder, "inside", "b~"))
  await assert.rejects(disk.storage.put("evil/x", Buffer.from("x"), text), { code: "storage_error" })
  await assert.rejects(disk.storage.put("evil/deep/x", Buffer.from("x"), text), { code: "storage_error" })
  await assert.rejects(disk.storage.head("evil/a"), { code: "storage_error" })
  await assert.rejects(disk.storage.open("inside/b"), { code: "storage_error" })
  assert.equal(await disk.storage.removeAll("evil"), 0)
  assert.deepEqual((await readdir(outside)).toSorted(), ["a~", "a~0123456789abcdef"])
  await rm(outside, { recursive: true })
})

test("writers leave nothing but the object and its record", async () => {
  await using disk = await openDisk()
  await using file = await randomFile()
  await Promise.all(
    Array.from({ length: 5 }, () => disk.storage.put("job/0.png", file.body, { ...text, ifAbsent: true })),
  )
  await disk.storage.put("job/0.png", file.body, text)
  const wrong = { ...file.body, bytes: file.body.bytes + 1 }
  await assert.rejects(disk.storage.put("job/1.png", wrong, text), { code: "storage_error" })
  assert.match(
    (await readdir(join(disk.folder, "job"))).toSorted().join(" "),
    /^0\.png~ 0~[0-9a-f]{16}\.png$/,
  )
  assert.deepEqual(await readdir(join(disk.folder, "~work")), [])
})

test("bytes without their record are no object", async () => {
  await using disk = await openDisk()
  await mkdir(join(disk.folder, "job"))
  await writeFile(join(disk.folder, "job", "0~0123456789abcdef.png"), "left by a process that died")
  assert.equal(await disk.storage.head("job/0.png"), undefined)
  assert.deepEqual(await disk.storage.put("job/0.png", Buffer.from("x"), { ...text, ifAbsent: true }), {
    stored: true,
  })
  assert.equal((await readAll(disk.storage, "job/0.png")).toString(), "x")
})

test("a file that was cut behind our back is an error, not a short image", async () => {
  await using disk = await openDisk()
  await disk.storage.put("job/0.png", Buffer.from("whole"), text)
  const [, bytes = ""] = (await readdir(join(disk.folder, "job"))).toSorted()
  await writeFile(join(disk.folder, "job", bytes), "who")
  await assert.rejects(disk.storage.open("job/0.png"), { code: "storage_error" })
})

test("a start removes work files older than an hour and no younger ones", async () => {
  await using disk = await openDisk()
  await disk.storage.check()
  const [old, young] = ["old", "young"].map((name) => join(disk.folder, "~work", name))
  assert.ok(old && young)
  await writeFile(old, "x")
  await writeFile(young, "x")
  const before = new Date(Date.now() - 3_700_000)
  await utimes(old, before, before)
  await using again = createDiskStorage({ folder: disk.folder, baseUrl: disk.baseUrl, secret })
  await again.check()
  assert.deepEqual(await readdir(join(disk.folder, "~work")), ["young"])
})

test("a folder that cannot be written fails the check until it can", async () => {
  await using disk = await openDisk()
  const file = join(disk.folder, "file")
  await writeFile(file, "")
  await using storage = createDiskStorage({ folder: file, baseUrl: disk.baseUrl, secret })
  await assert.rejects(storage.check(), { code: "storage_error" })
  await rm(file)
  await storage.check()
})

test("a link is refused once it has expired", async () => {
  await using disk = await openDisk()
  await disk.storage.put("a.txt", Buffer.from("x"), text)
  const expiresAt = new Date("2031-01-01T00:00:10Z")
  const url = await disk.storage.sign("a.txt", { expiresAt })
  disk.clock.now = new Date("2031-01-01T00:00:09Z")
  const early = await fetch(url)
  assert.equal(early.status, 200)
  assert.equal(early.headers.get("cache-control"), "private, max-age=1")
  disk.clock.now = expiresAt
  const late = await fetch(url)
  assert.equal(late.status, 403)
  assert.equal(await late.text(), "forbidden")
})

test("a link that was changed anywhere is refused", async () => {
  await using disk = await openDisk()
  for (const key of ["a.txt", "b.txt"]) await disk.storage.put(key, Buffer.from(key), text)
  const url = await disk.storage.sign("a.txt", { expiresAt: inAMinute(), downloadName: "mug.txt" })
  assert.equal((await fetch(url)).status, 200)
  const forged = [
    url.replace("a.txt", "b.txt"),
    url.replace(/expires=\d/, "expires=9"),
    url.replace("mug", "cup"),
    url.replace("&download=mug.txt", ""),
    url.replace(/signature=[^&]+/, "signature="),
    url.replace(/signature=(.)/, (_, first) => `signature=${first === "A" ? "B" : "A"}`),
    `${url}&expires=9999999999`,
    `${disk.baseUrl}/files/a.txt`,
    `${disk.baseUrl}/files/%E0%A4%A`,
  ]
  for (const attempt of forged) assert.equal((await fetch(attempt)).status, 403, attempt)
})

test("a link to what was removed is refused", async () => {
  await using disk = await openDisk()
  const url = await disk.storage.sign("none/a.txt", { expiresAt: inAMinute() })
  const reply = await fetch(url)
  assert.equal(reply.status, 404)
  assert.equal(await reply.text(), "not_found")
})

test("HEAD, ranges and conditions are answered", async () => {
  await using disk = await openDisk()
  await disk.storage.put("a.txt", Buffer.from("0123456789"), text)
  const url = await disk.storage.sign("a.txt", { expiresAt: inAMinute() })
  const head = await fetch(url, { method: "HEAD" })
  assert.equal(head.status, 200)
  assert.equal(head.headers.get("content-length"), "10")
  assert.equal(head.headers.get("content-type"), text.contentType)
  assert.equal(head.headers.get("x-content-type-options"), "nosniff")
  assert.ok(Date.parse(head.headers.get("last-modified") ?? "") <= Date.now())
  assert.equal(await head.text(), "")
  const part = await fetch(url, { headers: { range: "bytes=2-4" } })
  assert.deepEqual(
    [part.status, part.headers.get("content-range"), await part.text()],
    [206, "bytes 2-4/10", "234"],
  )
  const tail = await fetch(url, { headers: { range: "bytes=-3" } })
  assert.deepEqual([tail.status, await tail.text()], [206, "789"])
  const beyond = await fetch(url, { headers: { range: "bytes=10-" } })
  assert.deepEqual([beyond.status, beyond.headers.get("content-range")], [416, "bytes */10"])
  const etag = head.headers.get("etag") ?? ""
  assert.match(etag, /^"[0-9a-f]{64}"$/)
  // Without a Cache-Control of its own, fetch adds no-cache to a conditional request.
  const known = { "if-none-match": etag, "cache-control": "max-age=0" }
  assert.equal((await fetch(url, { headers: known })).status, 304)
  assert.equal((await fetch(url, { headers: { "if-match": '"other"' } })).status, 412)
  assert.equal((await fetch(url, { method: "POST" })).status, 405)
})

test("a download has the name that was asked for, and no more headers than that", async () => {
  await using disk = await openDisk()
  await disk.storage.put("a.txt", Buffer.from("x"), text)
  const names = {
    "mug.png": /^attachment; filename="?mug\.png"?$/,
    'Käse "1"\r\nX-Evil: 1.png': /^attachment; filename=.*filename\*=UTF-8''/,
  }
  for (const [downloadName, expected] of Object.entries(names)) {
    const reply = await fetch(await disk.storage.sign("a.txt", { expiresAt: inAMinute(), downloadName }))
    assert.equal(reply.status, 200)
    assert.match(reply.headers.get("content-disposition") ?? "", expected)
    assert.equal(reply.headers.get("x-evil"), null)
  }
})
