import assert from "node:assert/strict"
import { test } from "node:test"

import { lastWords } from "./last-words.ts"

test("a wrong variable is told by its sentence, without what Node prints around it", () => {
  const printed = [
    "node:internal/modules/run_main:111",
    "    triggerUncaughtException(",
    "[ConfigurationError: KILN_PORT must be a number.",
    "KILN_GRACE must be at least 0.]",
    "",
    "Node.js v26.10.0",
  ]
  assert.equal(lastWords(printed), "KILN_PORT must be a number.\nKILN_GRACE must be at least 0.")
})

test("the last error of a log is told by its message, and what is no log as it is", () => {
  const line = JSON.stringify({ level: 60, msg: "not startable", err: { message: "no such file" } })
  assert.equal(lastWords(['{"level":30,"msg":"hello"}', line, ""]), "not startable: no such file")
  assert.equal(lastWords(["Segmentation fault"]), "Segmentation fault")
})
