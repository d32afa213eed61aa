import assert from "node:assert/strict"
import { test } from "node:test"

import { resolveBySystem, resolveHost, resolveInTime, type ResolvedAddress } from "./resolve-host.ts"

const answering = (...addresses: string[]) => ({
  allowPrivate: false,
  resolve: async (): Promise<ResolvedAddress[]> =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
})

test("one bad address among the good ones refuses them all", async () => {
  assert.equal((await resolveHost("name.test", answering("8.8.8.8", "2606:4700::1111"))).length, 2)
  for (const bad of ["127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "0177.0.0.1", "nonsense", ""]) {
    await assert.rejects(
      resolveHost("name.test", answering("8.8.8.8", bad)),
      { code: "address_not_allowed" },
      bad,
    )
  }
})

test("the names of this machine are refused", async () => {
  for (const host of ["localhost", "localhost."]) {
    const rules = { allowPrivate: false, resolve: resolveBySystem }
    await assert.rejects(resolveHost(host, rules), (error: { code?: string }) =>
      ["address_not_allowed", "host_not_found"].includes(error.code ?? ""),
    )
  }
})

test("an address is not resolved", async () => {
  assert.deepEqual(await resolveHost("8.8.8.8", answering("127.0.0.1")), [{ address: "8.8.8.8", family: 4 }])
})

test("a name without addresses is not found, and a resolver in trouble may be asked again", async () => {
  await assert.rejects(resolveHost("name.test", answering()), { code: "host_not_found", retryable: false })
  for (const [code, retryable] of [
    ["ENOTFOUND", false],
    ["EAI_AGAIN", true],
  ] as const) {
    const resolve = () => Promise.reject(Object.assign(new Error("no"), { code }))
    await assert.rejects(resolveHost("name.test", { allowPrivate: false, resolve }), {
      code: "host_not_found",
      retryable,
    })
  }
})

test("a resolver that never answers is not waited for", async () => {
  const rules = { allowPrivate: false, resolve: () => new Promise<never>(() => undefined), timeoutMs: 20 }
  await assert.rejects(resolveInTime("name.test", rules), { code: "timeout", retryable: true })
})
