import assert from "node:assert/strict"
import { EventEmitter, once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { type ChildOptions, superviseChild } from "./child.ts"
import { type LogFile, openLogFile } from "./log-file.ts"

let folder = ""
let log: LogFile
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-child-"))
  log = openLogFile(join(folder, "child.log"))
})
after(async () => {
  log[Symbol.dispose]()
  await rm(folder, { recursive: true })
})

function options(script: string, more: Partial<ChildOptions> = {}): ChildOptions {
  return {
    name: "child",
    command: process.execPath,
    args: ["-e", script],
    env: process.env,
    log,
    stopWithinMs: 10_000,
    isUp: () => true,
    onFailedStart: (error) => assert.fail(error),
    say: () => {},
    pauseMs: () => 1,
    ...more,
  }
}

/** Resolves with what is said, one line a call. */
function listener() {
  const emitter = new EventEmitter()
  const next = async (): Promise<string> => String((await once(emitter, "line"))[0])
  return { say: (line: string) => void emitter.emit("line", line), next }
}

test("a child that dies is started again, each time after a pause for so many deaths", async () => {
  const { say, next } = listener()
  const pauses: number[] = []
  const pauseMs = (deaths: number) => {
    pauses.push(deaths)
    return 1
  }
  await using _child = superviseChild(options("process.exit(7)", { say, pauseMs }))
  assert.match(await next(), /child ended \(code 7\) and is started again in 0\.001 s/)
  await next()
  await next()
  assert.deepEqual(pauses, [1, 2, 3])
})

test("a child that dies before all is up is not started again, and its last words are told", async () => {
  const failed = Promise.withResolvers<Error>()
  await using _child = superviseChild(
    options(`console.error("KILN_PORT must be a number."); process.exit(1)`, {
      isUp: () => false,
      onFailedStart: failed.resolve,
    }),
  )
  const error = await failed.promise
  assert.match(error.message, /child did not start \(code 1\):[^]*KILN_PORT must be a number\./)
})

test("a program that is not there is told by name", async () => {
  const failed = Promise.withResolvers<Error>()
  await using _child = superviseChild(
    options("", { command: "/nowhere/node", isUp: () => false, onFailedStart: failed.resolve }),
  )
  assert.match((await failed.promise).message, /\/nowhere\/node/)
})

test("output goes to the log, and errors in it are shown as well", async () => {
  const { say, next } = listener()
  const script = `console.log(JSON.stringify({ level: 30, msg: "fine" })); console.log(JSON.stringify({ level: 50, msg: "broken" })); setInterval(() => {}, 1000)`
  await using _child = superviseChild(options(script, { say }))
  assert.equal(await next(), "child: broken")
  assert.match(await readFile(log.path, "utf8"), /"fine"[^]*"broken"/)
})

test("disposal lets the child finish", async () => {
  const done = join(folder, "done")
  const { say, next } = listener()
  const script = `process.on("SIGTERM", () => { require("fs").writeFileSync(${JSON.stringify(done)}, ""); process.exit() })
    console.log(JSON.stringify({ level: 50, msg: "up" })); setInterval(() => {}, 1000)`
  const child = superviseChild(options(script, { say }))
  await next()
  await child[Symbol.asyncDispose]()
  assert.ok(existsSync(done))
  assert.equal(child.pid(), undefined)
})

test("a child that does not finish is killed", async () => {
  const { say, next } = listener()
  const script = `process.on("SIGTERM", () => {}); console.log(JSON.stringify({ level: 50, msg: "up" })); setInterval(() => {}, 1000)`
  const child = superviseChild(options(script, { say, stopWithinMs: 10 }))
  await next()
  await child[Symbol.asyncDispose]()
  assert.equal(child.pid(), undefined)
})

test("disposal does not wait for a restart that is due", async () => {
  const { say, next } = listener()
  const child = superviseChild(options("process.exit(1)", { say, pauseMs: () => 1e9 }))
  await next()
  await child[Symbol.asyncDispose]()
})
