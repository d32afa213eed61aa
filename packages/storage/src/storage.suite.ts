import assert from "node:assert/strict"
import { finished } from "node:stream/promises"
import { after, before, suite, test } from "node:test"

import type { Storage } from "./storage.ts"
import { bytesOf, png, randomFile, readAll } from "./test-objects.ts"

/** What every storage promises, whatever is behind it. */
export function storageSuite(
  name: string,
  open: () => Promise<{ storage: Storage } & AsyncDisposable>,
): void {
  suite(name, () => {
    let opened: Awaited<ReturnType<typeof open>> | undefined
    before(async () => {
      opened = await open()
    })
    after(async () => {
      await opened?.[Symbol.asyncDispose]()
    })
    const storage = () => {
      assert.ok(opened)
      return opened.storage
    }
    keeping(storage)
    naming(storage)
    refusing(storage)
    onlyOnce(storage)
    removing(storage)
    linking(storage)
    stopping(storage)
  })
}

function keeping(storage: () => Storage): void {
  test("the bytes of a large file come back as they were", async () => {
    await using file = await randomFile()
    const { sha256: _, ...withoutHash } = file.body
    for (const body of [file.body, withoutHash, file.content]) {
      assert.deepEqual(await storage().put("keep/large.png", body, png), { stored: true })
      assert.ok((await readAll(storage(), "keep/large.png")).equals(file.content))
    }
  })

  test("an object keeps its content type and metadata", async () => {
    const metadata = { sha256: "abc", "upstream-content-type": "image/jpeg", odd: 'a "b" = c; d' }
    await storage().put("keep/facts.png", bytesOf("abc"), { contentType: "image/webp", metadata })
    const expected = { key: "keep/facts.png", bytes: 3, contentType: "image/webp", metadata }
    assert.deepEqual(await storage().head("keep/facts.png"), expected)
    const found = await storage().open("keep/facts.png")
    found?.stream.destroy()
    assert.deepEqual(found?.object, expected)
  })

  test("an empty object is an object", async () => {
    await using file = await randomFile(0)
    for (const body of [file.body, new Uint8Array()]) {
      await storage().put("keep/empty", body, png)
      assert.equal((await storage().head("keep/empty"))?.bytes, 0)
      assert.equal((await readAll(storage(), "keep/empty")).length, 0)
    }
  })

  test("a second put replaces bytes and facts together", async () => {
    await storage().put("keep/again", bytesOf("first"), { contentType: "text/plain", metadata: { a: "1" } })
    await storage().put("keep/again", bytesOf("second one"), {
      contentType: "text/html",
      metadata: { b: "2" },
    })
    assert.equal((await readAll(storage(), "keep/again")).toString(), "second one")
    const facts = { key: "keep/again", bytes: 10, contentType: "text/html", metadata: { b: "2" } }
    assert.deepEqual(await storage().head("keep/again"), facts)
  })

  test("nothing is found where nothing was put", async () => {
    assert.equal(await storage().head("keep/none"), undefined)
    assert.equal(await storage().head("no/such/folder/none"), undefined)
    assert.equal(await storage().open("keep/none"), undefined)
    await storage().put("keep/leaf", bytesOf("x"), png)
    assert.equal(await storage().head("keep/leaf/below"), undefined)
  })
}

function naming(storage: () => Storage): void {
  test("odd keys are keys, and one may be another's folder", async () => {
    const keys = [
      "odd/.hidden",
      "odd/a..b",
      "odd/...",
      "odd/=",
      "odd/-x_.tar.gz",
      "odd",
      "odd/=/deep",
      `odd/${"l".repeat(200)}`,
    ]
    for (const key of keys) await storage().put(key, bytesOf(key), png)
    for (const key of keys) assert.equal((await readAll(storage(), key)).toString(), key)
  })

  test("what is no plain path is no key", async () => {
    const long = "x/".repeat(600)
    const plain = ["", "/", "/abs", "a//b", "a/", "../a", "a/../b", "a/.", "a\\b"]
    const keys = [...plain, "a\0b", "a b", "ä", "a~b", "a%2fb", long]
    for (const key of keys) {
      await assert.rejects(storage().put(key, bytesOf("x"), png), { code: "storage_error" }, key)
      await assert.rejects(storage().head(key), { code: "storage_error" }, key)
      await assert.rejects(storage().open(key), { code: "storage_error" }, key)
      await assert.rejects(storage().removeAll(key), { code: "storage_error" }, key)
      await assert.rejects(storage().sign(key, { expiresAt: new Date() }), { code: "storage_error" }, key)
    }
  })
}

function refusing(storage: () => Storage): void {
  test("metadata that is no header is refused", async () => {
    for (const [name, value] of ["A:x", "a:ä", "a:x\r\n", "a: x", "a:", "ä:x", `a:${"x".repeat(2048)}`].map(
      pair,
    )) {
      const put = storage().put("keep/x", bytesOf("x"), { ...png, metadata: { [name]: value } })
      await assert.rejects(put, { code: "storage_error" })
    }
  })

  test("a file that is not the announced one is not stored", async () => {
    await using file = await randomFile(1000)
    await assert.rejects(storage().put("keep/short", { ...file.body, bytes: 1001 }, png), {
      code: "storage_error",
    })
    await assert.rejects(storage().put("keep/short", { ...file.body, path: `${file.body.path}.none` }, png), {
      code: "storage_error",
    })
    assert.equal(await storage().head("keep/short"), undefined)
  })

  test("a store that can be written passes its check", async () => {
    await storage().check()
  })
}

function onlyOnce(storage: () => Storage): void {
  test("twenty writers of the same absent key store exactly one", async () => {
    const writers = Array.from({ length: 20 }, (_, index) => String(index))
    const answers = await Promise.all(
      writers.map((writer) =>
        storage().put("once/0.png", bytesOf(`by ${writer}`), {
          ...png,
          metadata: { writer },
          ifAbsent: true,
        }),
      ),
    )
    const winners = writers.filter((_, index) => answers[index]?.stored)
    assert.equal(winners.length, 1)
    assert.equal((await readAll(storage(), "once/0.png")).toString(), `by ${winners[0]}`)
    assert.deepEqual((await storage().head("once/0.png"))?.metadata, { writer: winners[0] })
  })

  test("an object that is there stays when it is put if absent", async () => {
    await storage().put("once/there", bytesOf("old"), png)
    assert.deepEqual(await storage().put("once/there", bytesOf("new"), { ...png, ifAbsent: true }), {
      stored: false,
    })
    assert.equal((await readAll(storage(), "once/there")).toString(), "old")
  })
}

function removing(storage: () => Storage): void {
  test("removing a prefix leaves its namesakes", async () => {
    for (const key of ["rm/b/1", "rm/b/2", "rm/b/deep/3", "rm/bc/4", "rm/b", "rm/b.png"]) {
      await storage().put(key, bytesOf(key), png)
    }
    assert.equal(await storage().removeAll("rm/b"), 3)
    for (const key of ["rm/b/1", "rm/b/2", "rm/b/deep/3"]) assert.equal(await storage().head(key), undefined)
    for (const key of ["rm/bc/4", "rm/b", "rm/b.png"]) assert.equal((await storage().head(key))?.key, key)
    assert.equal(await storage().removeAll("rm/b"), 0)
    assert.equal(await storage().removeAll("rm/none"), 0)
  })

  test("one object is removed without its neighbours", async () => {
    for (const key of ["one/a.png", "one/a.png.b", "one/ab.png"]) await storage().put(key, bytesOf("x"), png)
    assert.equal(await storage().remove("one/a.png"), true)
    assert.equal(await storage().head("one/a.png"), undefined)
    for (const key of ["one/a.png.b", "one/ab.png"]) assert.equal((await storage().head(key))?.key, key)
    assert.equal(await storage().remove("one/a.png"), false)
  })

  test("what was removed can be put again if absent", async () => {
    await storage().put("rm2/job/0.png", bytesOf("old"), png)
    await storage().removeAll("rm2/job")
    assert.deepEqual(await storage().put("rm2/job/0.png", bytesOf("new"), { ...png, ifAbsent: true }), {
      stored: true,
    })
  })
}

function linking(storage: () => Storage): void {
  test("a signed URL gives the bytes to anybody", async () => {
    await using file = await randomFile()
    await storage().put("link/a=b/0.png", file.body, png)
    const reply = await fetch(
      await storage().sign("link/a=b/0.png", { expiresAt: new Date(Date.now() + 60_000) }),
    )
    assert.equal(reply.status, 200)
    assert.equal(reply.headers.get("content-type"), "image/png")
    assert.ok(Buffer.from(await reply.arrayBuffer()).equals(file.content))
  })
}

function stopping(storage: () => Storage): void {
  test("an aborted signal stops every operation with its own reason", async () => {
    const reason = new Error("enough")
    const signal = AbortSignal.abort(reason)
    const isReason = (error: unknown) => error === reason
    await assert.rejects(storage().put("stop/a", bytesOf("x"), { ...png, signal }), isReason)
    await assert.rejects(storage().head("stop/a", signal), isReason)
    await assert.rejects(storage().open("stop/a", { signal }), isReason)
    await assert.rejects(storage().removeAll("stop/a", signal), isReason)
    await assert.rejects(storage().check(signal), isReason)
  })

  test("an abort while a file is on its way leaves no object", async () => {
    await using file = await randomFile()
    const controller = new AbortController()
    const reason = new Error("enough")
    const put = storage().put("stop/half", file.body, { ...png, ifAbsent: true, signal: controller.signal })
    setImmediate(() => {
      controller.abort(reason)
    })
    await assert.rejects(put, (error) => error === reason)
    assert.equal(await storage().head("stop/half"), undefined)
  })

  test("an abort while reading ends the stream with an error", async () => {
    await using file = await randomFile()
    await storage().put("stop/read", file.body, png)
    const controller = new AbortController()
    const found = await storage().open("stop/read", { signal: controller.signal })
    assert.ok(found)
    found.stream.once("data", () => {
      controller.abort()
    })
    await assert.rejects(finished(found.stream), { name: "AbortError" })
  })
}

function pair(text: string): [name: string, value: string] {
  const at = text.indexOf(":")
  return [text.slice(0, at), text.slice(at + 1)]
}
