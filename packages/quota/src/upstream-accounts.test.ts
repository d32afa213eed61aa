import assert from "node:assert/strict"
import { test } from "node:test"

import { createModels, type Paint } from "@kiln/jobs"

import { accountsOf, type UpstreamOptions } from "./upstream-accounts.ts"

const models = createModels({
  defaultModel: "nano-banana",
  overrides: [
    { id: "gemini-3-pro-image", limits: { rpm: 20, ipm: 10, rpd: 250 } },
    { id: "gemini-3.1-flash-image", base_url: "https://gateway.example", token_env: "GATEWAY_KEY" },
  ],
})
const named = (name: string) => models.resolve(name, new Date()).model
const paint: Paint = () => Promise.reject(new Error("not called"))
const options: UpstreamOptions = {
  keys: [
    { key: "secret-a", paint },
    { key: "secret-b", paint },
    { key: "secret-a", paint },
  ],
  baseUrl: "https://upstream.example",
  modelKeys: { "gemini-3.1-flash-image": "secret-c" },
  limits: { windowMs: 60_000 },
}

test("each key is an account of its own, named by a hash, and one that is given twice is one", () => {
  const accounts = accountsOf(named("nano-banana"), options)
  assert.equal(accounts.length, 2)
  assert.notEqual(accounts[0]?.project, accounts[1]?.project)
  assert.doesNotMatch(JSON.stringify(accounts), /secret|example/)
})

test("a model with a key of its own has one account, and so has another address", () => {
  const own = accountsOf(named("gemini-3.1-flash-image"), options)
  assert.equal(own.length, 1)
  const elsewhere = accountsOf(named("nano-banana"), { ...options, baseUrl: "https://other.example" })
  assert.notEqual(elsewhere[0]?.project, accountsOf(named("nano-banana"), options)[0]?.project)
})

const limitsOf = (limits: UpstreamOptions["limits"]) => {
  const [account] = accountsOf(named("gemini-3-pro-image"), { ...options, limits })
  return [account?.rpm, account?.rpd]
}

test("the limits are the registry's, the lower of requests and images, and the operator's come first", () => {
  assert.deepEqual(limitsOf({ windowMs: 60_000 }), [10, 250])
  assert.deepEqual(limitsOf({ windowMs: 60_000, rpm: 5, rpd: 100 }), [5, 100])
  assert.deepEqual(limitsOf({ windowMs: 60_000, rpm: 0, rpd: 0 }), [10, 250])
})
