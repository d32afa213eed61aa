import assert from "node:assert/strict"
import { test } from "node:test"

import { createSignedUrls } from "./signed-urls.ts"

const hour = 3_600_000

function urls(linksExpire = true) {
  let signed = 0
  const sign = async (key: string, { expiresAt }: { expiresAt: Date }) => {
    signed += 1
    return `${key}?${expiresAt.getTime()}`
  }
  return { ...createSignedUrls({ storage: { sign }, ttlMs: hour, linksExpire }), signed: () => signed }
}

test("a URL stays the same for a quarter of its life and lives its whole time at least", async () => {
  const made = urls()
  const start = 1_000 * hour + 1
  const first = await made.stable("a", start)
  assert.deepEqual(await made.stable("a", start + hour / 4 - 1), first)
  assert.equal(made.signed(), 1)
  const next = await made.stable("a", start + hour / 4)
  assert.notEqual(next.url, first.url)
  for (const [{ expiresAt }, at] of [
    [first, start],
    [next, start + hour / 4],
  ] as const) {
    const lives = (expiresAt?.getTime() ?? 0) - at
    assert.ok(lives >= hour && lives <= 1.25 * hour)
  }
})

test("a plain URL has no end", async () => {
  assert.equal((await urls(false).stable("a", 0)).expiresAt, null)
})
