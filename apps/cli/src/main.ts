#!/usr/bin/env node
import { constants } from "node:os"
import { fileURLToPath } from "node:url"

import { readEnv } from "@kiln/runtime"

import { cliEnv } from "./env.ts"
import { Interrupted } from "./exit-codes.ts"
import { runKiln } from "./run-kiln.ts"

const stopped = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stopped.signal.aborted) process.exit(128 + constants.signals[signal])
    stopped.abort(new Interrupted("Stopped."))
  })
}
// A reader that has seen enough, such as `head`, is no error.
process.stdout.on("error", () => process.exit(0))

const { stdin, stdout, stderr } = process
process.exitCode = await runKiln(process.argv.slice(2), {
  env: readEnv(cliEnv),
  root: fileURLToPath(new URL("../../../", import.meta.url)),
  stdin,
  stdout,
  stderr,
  signal: stopped.signal,
})
