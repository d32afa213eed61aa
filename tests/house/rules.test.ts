import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { appendFile, cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)

type Violation = {
  rule: string
  command: [string, ...string[]]
  /** Breaks the rule in a copy of the tree. */
  breakIt: (tree: string) => Promise<void>
  says: RegExp
}

const write = (path: string, text: string) => (tree: string) => writeFile(join(tree, path), text)

/** Declares the dependency too: the rule is about the layers, not about forgetting to declare. */
const importing = (from: string, name: string) => async (tree: string) => {
  const path = join(tree, from, "package.json")
  const manifest = JSON.parse(await readFile(path, "utf8")) as { dependencies: Record<string, string> }
  manifest.dependencies[name] = "*"
  await writeFile(path, JSON.stringify(manifest))
  await writeFile(join(tree, from, "src/violation.ts"), `export * from "${name}"\n`)
}

const boundaries: Violation["command"] = ["turbo", "boundaries"]
const lint: Violation["command"] = ["oxlint", "--deny-warnings", "packages/jobs"]

const violations: Violation[] = [
  {
    rule: "an adapter imports no other adapter",
    command: boundaries,
    breakIt: importing("packages/storage", "@kiln/ledger"),
    says: /@kiln\/ledger/,
  },
  {
    rule: "the core imports no adapter",
    command: boundaries,
    breakIt: importing("packages/jobs", "@kiln/ledger"),
    says: /@kiln\/ledger/,
  },
  {
    rule: "the API imports no provider",
    command: boundaries,
    breakIt: importing("apps/api", "@kiln/gemini"),
    says: /@kiln\/gemini/,
  },
  {
    rule: "the emulator knows nothing of Kiln",
    command: boundaries,
    breakIt: importing("packages/gemini-emulator", "@kiln/contract"),
    says: /@kiln\/contract/,
  },
  {
    rule: "an app is imported by nobody",
    command: boundaries,
    breakIt: importing("apps/stack", "@kiln/worker"),
    says: /@kiln\/worker/,
  },
  {
    rule: "an import that is not declared is refused",
    command: boundaries,
    breakIt: write("packages/contract/src/violation.ts", `import "@kiln/jobs"\n`),
    says: /@kiln\/jobs/,
  },
  {
    rule: "an import does not leave its package by its path",
    command: boundaries,
    breakIt: write("packages/queue/src/violation.ts", `import "../../ledger/src/keys.ts"\n`),
    says: /leaves the package/,
  },
  {
    rule: "the core does no I/O",
    command: lint,
    breakIt: write("packages/jobs/src/violation.ts", `export { readFile } from "node:fs/promises"\n`),
    says: /core does no I\/O/,
  },
  {
    rule: "a file has at most 250 lines",
    command: lint,
    breakIt: write(
      "packages/jobs/src/violation.ts",
      Array.from({ length: 251 }, (_, n) => `export const a${n} = ${n}\n`).join(""),
    ),
    says: /max-lines/,
  },
  {
    rule: "a promise is not left floating",
    command: lint,
    breakIt: write("packages/jobs/src/violation.ts", `export function f() {\n  Promise.resolve(1)\n}\n`),
    says: /no-floating-promises/,
  },
  {
    rule: "nothing is any",
    command: lint,
    breakIt: write("packages/jobs/src/violation.ts", `export const a: any = 1\n`),
    says: /no-explicit-any/,
  },
  {
    rule: "files do not import each other in a circle",
    command: lint,
    breakIt: async (tree) => {
      await write("packages/jobs/src/violation.ts", `export { b } from "./violent.ts"\n`)(tree)
      await write("packages/jobs/src/violent.ts", `import "./violation.ts"\n\nexport const b = 1\n`)(tree)
    },
    says: /no-cycle/,
  },
  {
    rule: "types are right",
    command: ["tsc"],
    breakIt: write("packages/jobs/src/violation.ts", `export const a: string = 1\n`),
    says: /violation\.ts.*TS2322/,
  },
  {
    rule: "code is formatted",
    command: ["oxfmt", "--check", "packages"],
    breakIt: write("packages/jobs/src/violation.ts", `export   const a=1;\n`),
    says: /violation\.ts/,
  },
  {
    rule: "a file that nobody uses is found",
    command: ["knip"],
    breakIt: write("packages/jobs/src/violation.ts", `export const a = 1\n`),
    says: /violation\.ts/,
  },
  {
    rule: "an export that nobody uses is found",
    command: ["knip"],
    breakIt: (tree) =>
      appendFile(join(tree, "packages/queue/src/image-queue.ts"), "\nexport const violation = 1\n"),
    says: /violation/,
  },
]

suite("each rule of the house refuses what it is there for", { concurrency: 2 }, () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "kiln-rules-"))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  for (const { rule, command, breakIt, says } of violations) {
    test(rule, async () => {
      const tree = await copyOfTree(await mkdtemp(join(folder, "tree-")))
      await breakIt(tree)
      const [tool, ...args] = command
      const failed = await run(join(root, "node_modules/.bin", tool), args, {
        cwd: tree,
        maxBuffer: 1 << 24,
      }).then(
        () => undefined,
        // Some tools break their lines in the middle of a name.
        (error: { stdout: string; stderr: string }) =>
          (error.stdout + error.stderr).replaceAll(/\n +\| /g, ""),
      )
      assert.ok(failed !== undefined, `${command.join(" ")} let it pass`)
      assert.match(failed, says)
    })
  }
})

/** The tracked files and a link to what is installed; tools see a repository of its own. */
async function copyOfTree(tree: string): Promise<string> {
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: root,
    maxBuffer: 1 << 24,
  })
  for (const file of stdout
    .split("\0")
    .filter((name) => /\.(ts|json|yml|mjs)$|^\.(ox|gitignore)/.test(name))) {
    await cp(join(root, file), join(tree, file), { recursive: true })
  }
  await symlink(join(root, "node_modules"), join(tree, "node_modules"))
  await run("git", ["init", "-q"], { cwd: tree })
  return tree
}
