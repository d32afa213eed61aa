import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))

const PARTS: [what: string, command: string, ...args: string[]][] = [
  ["packages depend on each other in the allowed directions", "turbo", "boundaries"],
  ["the code is formatted", "oxfmt", "--check", "."],
  ["the linter finds nothing", "oxlint", "--deny-warnings"],
  ["the types are right", "tsc"],
  ["nothing is unused", "knip"],
]

for (const [what, command, ...args] of PARTS) {
  test(what, async () => {
    const { code, output } = await run(`${ROOT}/node_modules/.bin/${command}`, args)
    assert.equal(code, 0, output)
  })
}

function run(command: string, args: string[]): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 }
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({
        code: error === null ? 0 : (error.code ?? error.signal),
        output: `${stdout}\n${stderr}`.slice(-8000),
      })
    })
  })
}
