import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

import { startDamagingProxy } from "./damaging-proxy.ts"
import { inherited } from "./running-process.ts"
import { until } from "./until.ts"
import { startWorld } from "./world.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const main = "apps/cli/src/main.ts"

type CliRun = {
  stdout(): string
  stderr(): string
  /** Resolves when what it says on stderr matches. */
  says(pattern: RegExp): Promise<void>
  interrupt(): void
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** The real `kiln`, with this environment and nothing else of the caller's but `inherited`. */
function startCli(args: readonly string[], env: Record<string, string>): CliRun {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let [stdout, stderr] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    says: async (pattern) =>
      void (await until(`kiln says ${pattern}: ${stderr}`, () => {
        if (child.exitCode !== null && !pattern.test(stderr)) throw new Error(`kiln ended: ${stderr}`)
        return pattern.test(stderr)
      })),
    interrupt: () => void child.kill("SIGINT"),
    ended,
  }
}

type Env = Record<string, string>

/** A world that is reached through a proxy, and the real `kiln` for it. */
export async function startCliWorld() {
  const folder = await mkdtemp(join(tmpdir(), "kiln-cli-"))
  const proxy = await startDamagingProxy()
  const world = await startWorld({ apiEnv: { KILN_PUBLIC_URL: proxy.url }, env: { KILN_CONCURRENCY: "4" } })
  proxy.target = world.url
  const start = (args: readonly string[], env: Env = {}) =>
    startCli(args, { KILN_URL: proxy.url, KILN_API_KEY: world.key, ...env })
  return {
    world,
    proxy,
    folder,
    start,
    kiln: (args: readonly string[], env?: Env) => start(args, env).ended,
    async write(name: string, content: string | Uint8Array): Promise<string> {
      await writeFile(join(folder, name), content)
      return join(folder, name)
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await proxy[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
export type CliWorld = Awaited<ReturnType<typeof startCliWorld>>

export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
