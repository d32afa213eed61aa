import assert from "node:assert/strict"
import { test } from "node:test"

import { createLogger, redactText } from "./log.ts"

function logged(value: object): string {
  let line = ""
  const log = createLogger({ name: "test", destination: { write: (text) => void (line += text) } })
  log.info(value, "hello")
  return line
}

for (const name of ["authorization", "x-goog-api-key", "apiKey", "key", "secret", "token", "password"]) {
  for (const value of [
    { [name]: "hunter2" },
    { headers: { [name]: "hunter2" } },
    { req: { headers: { [name]: "hunter2" } } },
    { err: { config: { headers: { [name]: "hunter2" } } } },
  ]) {
    test(`${JSON.stringify(value)} is logged without its value`, () => {
      const line = logged(value)
      assert.match(line, /\[redacted\]/)
      assert.doesNotMatch(line, /hunter2/)
    })
  }
}

test("the arguments of a failed Redis command are not logged", () => {
  const err = Object.assign(new Error("WRONGPASS"), { command: { name: "auth", args: ["hunter2"] } })
  assert.doesNotMatch(logged({ err }), /hunter2/)
})

test("other fields are logged as they are", () => {
  const line: unknown = JSON.parse(logged({ job: "job_1", nested: { model: "m" } }))
  assert.partialDeepStrictEqual(line, {
    level: 30,
    name: "test",
    msg: "hello",
    job: "job_1",
    nested: { model: "m" },
  })
})

test("a text loses its secrets, the longer one first and also where they are percent-encoded", () => {
  const text = "GET /x?key=a%2Fb with a/b and a/bc"
  assert.equal(redactText(text, ["a/b", "a/bc", ""]), "GET /x?key=[redacted] with [redacted] and [redacted]")
})
