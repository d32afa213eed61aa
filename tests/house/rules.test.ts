import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { after, before, suite, test } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)

type Violation = {
  rule: string
  command: [string, ...string[]]
  /** The files that the command must see; all of them where it is not said. */
  only?: RegExp
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

/** The packages without I/O, and what is set up for all. */
const core = /^packages\/(contract|jobs)\/|^[^/]+$/
const boundaries: Violation["command"] = ["turbo", "boundaries"]

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
    rule: "types are right",
    command: ["tsc"],
    only: core,
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

/** Files of a core package that the linter refuses, each for a reason of its own, so that it is asked only once. */
const refused: { rule: string; file: string; text: string; says: RegExp }[] = [
  {
    rule: "the core does no I/O",
    file: "reads.ts",
    text: `export { readFile } from "node:fs/promises"\n`,
    says: /core does no I\/O/,
  },
  {
    rule: "a file has at most 250 lines",
    file: "long.ts",
    text: Array.from({ length: 251 }, (_, n) => `export const a${n} = ${n}\n`).join(""),
    says: /max-lines/,
  },
  {
    rule: "a promise is not left floating",
    file: "floating.ts",
    text: `export function f() {\n  Promise.resolve(1)\n}\n`,
    says: /no-floating-promises/,
  },
  { rule: "nothing is any", file: "any.ts", text: `export const a: any = 1\n`, says: /no-explicit-any/ },
  {
    rule: "files do not import each other in a circle",
    file: "circle.ts",
    text: `export { b } from "./circular.ts"\n`,
    says: /no-cycle/,
  },
]
const circular = `import "./circle.ts"\n\nexport const b = 1\n`

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-rules-"))
})
after(() => rm(folder, { recursive: true, force: true }))

suite("each rule of the house refuses what it is there for", { concurrency: 2 }, () => {
  for (const { rule, command, only, breakIt, says } of violations) {
    test(rule, async () => {
      const tree = await brokenTree(only ?? /^/, breakIt)
      assert.match(await complaints(tree, command), says)
    })
  }
})

suite("the linter refuses what it is there for", () => {
  let findings: { filename: string; code: string; message: string; help: string }[]
  before(async () => {
    const tree = await brokenTree(core, async (copy) => {
      const source = join(copy, "packages/jobs/src")
      await writeFile(join(source, "circular.ts"), circular)
      for (const { file, text } of refused) await writeFile(join(source, file), text)
    })
    const said = await complaints(tree, ["oxlint", "--deny-warnings", "--format=json", "packages/jobs"])
    findings = JSON.parse(said).diagnostics
  })

  for (const { rule, file, says } of refused) {
    test(rule, () => {
      const about = findings.filter((finding) => finding.filename === `packages/jobs/src/${file}`)
      assert.match(about.map(({ code, message, help }) => `${code}: ${message} ${help}`).join("\n"), says)
    })
  }
})

/** What a tool says of a tree that it must not let pass. */
async function complaints(tree: string, [tool, ...args]: Violation["command"]): Promise<string> {
  // Tools speak otherwise where they think that a CI, an agent or a terminal listens.
  const { PATH, HOME } = process.env
  const options = { cwd: tree, maxBuffer: 1 << 24, env: { PATH, HOME, NO_COLOR: "1" } }
  const said = await run(join(root, "node_modules/.bin", tool), args, options).then(
    () => undefined,
    // Some tools break their lines in the middle of a name.
    (error: { stdout: string; stderr: string }) => (error.stdout + error.stderr).replaceAll(/\n +\| /g, ""),
  )
  assert.ok(said !== undefined, `${[tool, ...args].join(" ")} let it pass`)
  return said
}

/** The tracked files and a link to what is installed, with something wrong; tools see a repository of its own. */
async function brokenTree(only: RegExp, breakIt: Violation["breakIt"]): Promise<string> {
  const tree = await mkdtemp(join(folder, "tree-"))
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: root,
    maxBuffer: 1 << 24,
  })
  const files = stdout
    .split("\0")
    .filter((name) => /\.(ts|json|yml|mjs)$|^\.(ox|gitignore)/.test(name) && only.test(name))
  for (const path of new Set(files.map((file) => dirname(file))))
    await mkdir(join(tree, path), { recursive: true })
  for (const file of files) await copyFile(join(root, file), join(tree, file))
  await symlink(join(root, "node_modules"), join(tree, "node_modules"))
  await run("git", ["init", "-q"], { cwd: tree })
  await breakIt(tree)
  return tree
}
