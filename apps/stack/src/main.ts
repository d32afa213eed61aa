import { resolve } from "node:path"
import { fileURLToPath } from "node:url"

import { readEnv, runUntilSignal } from "@kiln/runtime"

import { banner } from "./banner.ts"
import { stackEnv } from "./env.ts"
import { startStack } from "./stack.ts"
import { stopWithNpm } from "./stop-with-npm.ts"
import { say, terminalLog } from "./terminal.ts"

const ROOT = fileURLToPath(new URL("../../../", import.meta.url))

/** Every process has a limit of its own and is killed beyond it, so this is never reached. */
const FORCE_AFTER_MS = 2 * 60 * 60_000

stopWithNpm()
await runUntilSignal(start, terminalLog, { forceAfterMs: FORCE_AFTER_MS })

async function start(signal: AbortSignal): Promise<AsyncDisposable> {
  const env = readEnv(stackEnv)
  const stack = await startStack({
    env,
    folder: resolve(ROOT, env.KILN_DATA_DIR),
    mains: {
      api: resolve(ROOT, "apps/api/src/main.ts"),
      worker: resolve(ROOT, "apps/worker/src/main.ts"),
      emulator: fileURLToPath(new URL("main.ts", import.meta.resolve("@kiln/gemini-emulator"))),
    },
    signal,
    say,
  })
  process.stdout.write(banner(stack.facts))
  return stack
}
