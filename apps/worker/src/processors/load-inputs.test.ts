import assert from "node:assert/strict"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { JobFailure, newId } from "@kiln/contract"
import { EgressError } from "@kiln/egress"
import { createInputs } from "@kiln/inputs"
import type { JobRecord, KeptInput, Ledger } from "@kiln/ledger"
import { createLogger } from "@kiln/runtime"
import { createDiskStorage, type Storage } from "@kiln/storage"

import { createRunningJobs } from "../running-jobs.ts"
import { loadInputs } from "./load-inputs.ts"

type Given = NonNullable<JobRecord["spec"]["inputs"]>

const kept = (key: string): KeptInput => ({
  asset: newId("ast"),
  key,
  content_type: "image/png",
  width: 1,
  height: 1,
})

/** Storage with two objects, and a way out that always fails as told. */
async function startBench(failure: EgressError = new EgressError("connection_failed", "it is away")) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-inputs-"))
  const spool = join(folder, "spool")
  const secret = Buffer.alloc(32)
  const storage = createDiskStorage({ folder: join(folder, "objects"), baseUrl: "http://localhost", secret })
  for (const name of ["a", "b"]) {
    await storage.put(`acme/assets/${name}`, Buffer.from(name), { contentType: "image/png" })
  }
  const fetched: string[] = []
  const egress = {
    checkUrl: (url: string) => new URL(url),
    async fetchTo(url: string): Promise<never> {
      fetched.push(url)
      throw failure
    },
  }
  // No test here gets as far as registering an asset.
  const ledger = { assets: {} as Ledger["assets"] }
  let failures = 0
  const open: Storage["open"] = async (...args) => {
    if (failures-- > 0) throw new JobFailure("storage_error", "Later")
    return storage.open(...args)
  }
  const inputs = createInputs({ ledger, storage: { ...storage, open }, egress, spool })
  const id = newId("job")
  return {
    fetched,
    failNext: (reads: number) => void (failures = reads),
    spooled: () => readdir(spool),
    load(given: Given, known: readonly [number, KeptInput][] = []) {
      const record = { id, tenant: "acme", spec: { inputs: given }, fetched: new Map(known) } as unknown
      const run = createRunningJobs().start(id)
      const log = createLogger({ name: "test", level: "silent" })
      const work = { epoch: 1, record: record as JobRecord, run, log }
      return loadInputs(work, {
        ledger: { keepInput: async () => "kept", fetched: {} as Ledger["fetched"] },
        inputs,
        spool,
      })
    },
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test("images are brought here in their order, one twice where it is given twice, and are gone afterwards", async () => {
  await using bench = await startBench()
  const [a, b] = [kept("acme/assets/a"), kept("acme/assets/b")]
  {
    await using inputs = await bench.load([b, a, b])
    const texts = await Promise.all(inputs.files.map(({ path }) => readFile(path, "utf8")))
    assert.deepEqual(texts, ["b", "a", "b"])
  }
  assert.deepEqual(await bench.spooled(), [])
})

test("an image is read when storage can be again, and storage that is away costs no attempt", async () => {
  await using bench = await startBench()
  bench.failNext(2)
  await using inputs = await bench.load([kept("acme/assets/a")])
  assert.equal(await readFile(inputs.files[0]?.path ?? "", "utf8"), "a")
})

test("what an earlier attempt fetched is not fetched again", async () => {
  await using bench = await startBench()
  await using inputs = await bench.load([{ url: "https://example.org/a.png" }], [[0, kept("acme/assets/a")]])
  assert.equal(inputs.files.length, 1)
  assert.deepEqual(bench.fetched, [])
})

test("what cannot be had fails with a code and its place, and leaves nothing", async () => {
  const url = "https://example.org/a.png"
  for (const [failure, code, retryable] of [
    [new EgressError("connection_failed", "it is away"), "input_unreachable", true],
    [new EgressError("status", "it answered 503", { retryable: true }), "input_unreachable", true],
    [new EgressError("status", "it answered 404"), "input_unreachable", false],
    [new EgressError("host_not_found", "no such name"), "input_unreachable", false],
    [new EgressError("address_not_allowed", "not there"), "input_unreachable", false],
    [new EgressError("too_large", "it is large"), "input_unreadable", false],
  ] as const) {
    await using bench = await startBench(failure)
    const message = `Input image 1: ${failure.message}`
    await assert.rejects(bench.load([kept("acme/assets/a"), { url }]), { code, message, retryable })
    assert.deepEqual(await bench.spooled(), [])
  }
  await using bench = await startBench()
  await assert.rejects(bench.load([kept("acme/assets/deleted")]), {
    code: "input_unreachable",
    message: "Input image 0 is not kept any more",
  })
})
