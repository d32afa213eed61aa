import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { createHmac, randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test, type TestContext } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

import { startProcess } from "../world/running-process.ts"

/** The receivers of docs/webhooks.md, run as a reader runs them. */

const root = fileURLToPath(new URL("../../", import.meta.url))
const secret = `whsec_${randomBytes(32).toString("base64")}`
const id = "evt_019ab1f2c3d47e5f8a90b1c2d3e4f506"

async function snippet(language: string, holding: string): Promise<string> {
  const text = await readFile(join(root, "docs/webhooks.md"), "utf8")
  const all = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))]
  const code = all.map(([, found = ""]) => found).find((found) => found.includes(holding))
  assert.ok(code, `docs/webhooks.md has no ${language} with ${holding}`)
  return code
}

/** Somewhere with the packages beside it, as a reader's own project. */
async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-receiver-"))
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  await writeFile(join(folder, "package.json"), '{"type":"module"}')
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

function delivery(more: Record<string, string> = {}): RequestInit {
  const data = {
    id: "job_1",
    object: "job",
    status: "succeeded",
    outputs: [{ url: "https://cdn.example/0.png" }],
  }
  const body = JSON.stringify({ type: "job.succeeded", timestamp: new Date().toISOString(), data })
  const seconds = Math.floor(Date.now() / 1_000)
  const key = Buffer.from(secret.slice("whsec_".length), "base64")
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")
  return {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": `${seconds}`,
      "webhook-signature": `v1,${signature}`,
      ...more,
    },
  }
}

const forged = { "webhook-signature": `v1,${randomBytes(32).toString("base64")}` }

test("the receiver in Express does each event once, and refuses what is forged", async (t) => {
  const file = join(await folderFor(t), "receiver.ts")
  await writeFile(file, await snippet("ts", "express.raw"))
  await using receiver = startProcess(file, { PORT: "0", KILN_WEBHOOK_SECRET: secret })
  await receiver.printed(/port: \d+/)
  const port = /port: (\d+)/.exec(receiver.output())?.[1]
  const url = `http://127.0.0.1:${port}/kiln`
  assert.equal((await fetch(url, delivery())).status, 204)
  assert.equal((await fetch(url, delivery())).status, 204)
  const refused = await fetch(url, delivery(forged))
  assert.deepEqual([refused.status, await refused.text()], [400, "signature_not_valid"])
  assert.equal(receiver.output().match(/job_1 https:\/\/cdn\.example\/0\.png/g)?.length, 1)
})

test("the receiver of web requests answers 204 and 400", async (t) => {
  const file = join(await folderFor(t), "route.ts")
  await writeFile(file, await snippet("ts", "export async function POST"))
  const { POST } = (await import(file)) as { POST: (request: Request) => Promise<Response> }
  process.env["KILN_WEBHOOK_SECRET"] = secret
  const answer = async (more?: Record<string, string>) =>
    (await POST(new Request("https://example.com/", delivery(more)))).status
  assert.deepEqual([await answer(), await answer(forged)], [204, 400])
})

const run = promisify(execFile)
const has = (modules: string) =>
  run("python3", ["-c", modules]).then(
    () => true,
    () => false,
  )

/** Runs a script beside the module that verifies, with both deliveries as its input. */
async function inPython(t: TestContext, script: string): Promise<string[]> {
  const folder = await folderFor(t)
  await writeFile(join(folder, "kiln_webhook.py"), await snippet("py", "def verify"))
  await writeFile(join(folder, "receiver.py"), script)
  const running = run("python3", [join(folder, "receiver.py")], {
    env: { ...process.env, KILN_WEBHOOK_SECRET: secret },
  })
  running.child.stdin?.end(JSON.stringify([delivery(), delivery(forged)]))
  const { stdout } = await running
  return stdout.trim().split("\n")
}

test(
  "the check in Python knows ours from forged ones",
  { skip: !(await has("")) && "no Python" },
  async (t) => {
    const script = `
import json, os, sys
from kiln_webhook import verify
for request in json.load(sys.stdin):
    try:
        print(verify(request["headers"], request["body"].encode(), os.environ["KILN_WEBHOOK_SECRET"])["data"]["id"])
    except ValueError as error:
        print(error)
`
    assert.deepEqual(await inPython(t, script), ["job_1", "no signature fits"])
  },
)

const hasFastApi = await has("import fastapi.testclient")

test("the receiver in FastAPI answers 204 and 400", { skip: !hasFastApi && "no FastAPI" }, async (t) => {
  const script = `${await snippet("py", "FastAPI()")}
import json, sys
from fastapi.testclient import TestClient
for request in json.load(sys.stdin):
    print(TestClient(app).post("/kiln", content=request["body"], headers=request["headers"]).status_code)
`
  assert.deepEqual(await inPython(t, script), [`${id} job.succeeded job_1`, "204", "400"])
})
