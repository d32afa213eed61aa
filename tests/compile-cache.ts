import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** Node checks each entry against the source it was made of, so that what is there can be old but never wrong. */
const folder = fileURLToPath(new URL("../node_modules/.cache/kiln-tests", import.meta.url))
const mains = ["apps/api/src/main.ts", "apps/worker/src/main.ts", "apps/cli/src/main.ts"]

/** Has all processes of the tests share compiled code, which is a fifth of what starting one costs. */
export function shareCompiledCode(): void {
  process.env["NODE_COMPILE_CACHE"] ??= folder
}

/**
 * Code is written down when a process ends, which those that tests kill never come to: so each is started once without
 * its configuration, loads everything and refuses to go on.
 */
export async function compileMains(): Promise<void> {
  const { PATH = "", NODE_COMPILE_CACHE = folder } = process.env
  const options = { env: { PATH, NODE_COMPILE_CACHE }, stdio: "ignore", timeout: 60_000 } as const
  await Promise.all(mains.map((main) => once(spawn(process.execPath, [main], options), "exit")))
}
