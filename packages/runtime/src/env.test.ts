import assert from "node:assert/strict"
import { test } from "node:test"

import { z } from "zod"

import { ConfigurationError, describeEnv, readEnv } from "./env.ts"

const shape = {
  KILN_PORT: z.coerce.number().int().min(1).max(65_535).default(8787).describe("where the API listens"),
  KILN_SECRET_KEY: z.string().min(16).describe("seals webhook secrets."),
  KILN_STORAGE: z
    .string()
    .regex(/^(file|s3):/, "must begin with file: or s3:")
    .optional(),
  KILN_LOG_LEVEL: z.enum(["info", "debug"]).describe("how much is logged").default("info"),
  KILN_SCHEDULE: z
    .string()
    .describe("seconds between tries")
    .default("0,5")
    .transform((text) => text.split(",").map(Number)),
}

const KEY = "0123456789abcdef"

test("values are parsed, defaults filled in and other variables left out", () => {
  const env = readEnv(shape, { KILN_PORT: "80", KILN_SECRET_KEY: KEY, HOME: "/root" })
  assert.deepEqual(env, {
    KILN_PORT: 80,
    KILN_SECRET_KEY: KEY,
    KILN_LOG_LEVEL: "info",
    KILN_SCHEDULE: [0, 5],
  })
})

test("an empty variable counts as absent", () => {
  const env = readEnv(shape, { KILN_PORT: "", KILN_STORAGE: "", KILN_SECRET_KEY: KEY })
  assert.equal(env.KILN_PORT, 8787)
  assert.equal(env.KILN_STORAGE, undefined)
})

const faults: [NodeJS.ProcessEnv, string][] = [
  [{}, "KILN_SECRET_KEY (seals webhook secrets) is not set."],
  [
    { KILN_SECRET_KEY: "hunter2" },
    "KILN_SECRET_KEY (seals webhook secrets) must be at least 16 characters long.",
  ],
  [{ KILN_SECRET_KEY: KEY, KILN_PORT: "eighty" }, "KILN_PORT (where the API listens) must be a number."],
  [{ KILN_SECRET_KEY: KEY, KILN_PORT: "8.5" }, "KILN_PORT (where the API listens) must be a whole number."],
  [{ KILN_SECRET_KEY: KEY, KILN_PORT: "70000" }, "KILN_PORT (where the API listens) must be at most 65535."],
  [{ KILN_SECRET_KEY: KEY, KILN_STORAGE: "disk" }, "KILN_STORAGE must begin with file: or s3:."],
  [
    { KILN_SECRET_KEY: KEY, KILN_LOG_LEVEL: "loud" },
    "KILN_LOG_LEVEL (how much is logged) must be one of info, debug.",
  ],
]

for (const [source, sentence] of faults) {
  test(`a wrong environment is answered with "${sentence}"`, () => {
    assert.throws(
      () => readEnv(shape, source),
      (error) => error instanceof ConfigurationError && error.message === sentence,
    )
  })
}

test("every wrong variable has its own line, and no value is shown", () => {
  assert.throws(
    () => readEnv(shape, { KILN_SECRET_KEY: "hunter2", KILN_PORT: "hunter3" }),
    (error) =>
      error instanceof Error && error.message.split("\n").length === 2 && !/hunter/.test(error.message),
  )
})

test("a shape describes itself as rows, wherever its descriptions stand", () => {
  assert.deepEqual(describeEnv(shape), [
    { name: "KILN_PORT", default: "8787", description: "where the API listens" },
    { name: "KILN_SECRET_KEY", default: "", description: "seals webhook secrets." },
    { name: "KILN_STORAGE", default: "", description: "" },
    { name: "KILN_LOG_LEVEL", default: "info", description: "how much is logged" },
    { name: "KILN_SCHEDULE", default: "0,5", description: "seconds between tries" },
  ])
})
