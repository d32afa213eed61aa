import assert from "node:assert/strict"
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { test } from "node:test"

const FRONT_DOOR = import.meta.resolve("./index.ts")

/** Runs a service in a process of its own; `body` is what its start function does. */
function service(body: string, options = "{}", parameter = "signal"): ChildProcessWithoutNullStreams {
  const script = `
    import { createLogger, runUntilSignal } from ${JSON.stringify(FRONT_DOOR)}
    const say = (text) => process.stdout.write(text + "\\n")
    await runUntilSignal(async (${parameter}) => { ${body} }, createLogger({ name: "test" }), ${options})`
  return spawn(process.execPath, ["--input-type=module", "-e", script])
}

async function finish(child: ChildProcessWithoutNullStreams, onLine: (line: string) => void) {
  const lines: string[] = []
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000)
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line)
    onLine(line)
  })
  const [code]: unknown[] = await once(child, "close")
  clearTimeout(timer)
  return { code, text: lines.join("\n") }
}

const SLOW = `say("up"); return { [Symbol.asyncDispose]: () => new Promise((r) => { say("disposing"); setTimeout(r, 60_000) }) }`

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} disposes of the service and ends with code 0`, async () => {
    const child = service(`say("up"); return { [Symbol.asyncDispose]: async () => say("disposed") }`)
    const { code, text } = await finish(child, (line) => line === "up" && child.kill(signal))
    assert.equal(code, 0)
    assert.match(text, /disposed/)
    assert.match(text, new RegExp(`"signal":"${signal}"`))
  })
}

test("a stop that takes too long ends with code 1", async () => {
  const child = service(SLOW, "{ forceAfterMs: 50 }")
  const { code, text } = await finish(child, (line) => line === "up" && child.kill("SIGTERM"))
  assert.equal(code, 1)
  assert.match(text, /not stopped in time/)
})

test("the echo of a signal is ignored, a second one later ends with code 1", async () => {
  const child = service(SLOW)
  const { code, text } = await finish(child, (line) => {
    if (line === "up") child.kill("SIGINT")
    if (line !== "disposing") return
    child.kill("SIGINT")
    setTimeout(() => child.kill("SIGINT"), 1200)
  })
  assert.equal(code, 1)
  assert.match(text, /told to stop twice/)
})

test("a start that takes no signal is left with code 0", async () => {
  const child = service(`say("starting"); await new Promise(() => setInterval(() => {}, 1000))`, "{}", "")
  const { code } = await finish(child, (line) => line === "starting" && child.kill("SIGTERM"))
  assert.equal(code, 0)
})

test("a signal during the start aborts the start and ends with code 0", async () => {
  const child = service(`say("starting"); await new Promise((_, reject) => {
    const timer = setTimeout(() => {}, 60_000)
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason) })
  })`)
  const { code, text } = await finish(child, (line) => line === "starting" && child.kill("SIGTERM"))
  assert.equal(code, 0)
  assert.match(text, /"msg":"stopped"/)
})

for (const [what, body] of [
  [
    "an uncaught exception",
    `setTimeout(() => { throw new Error("lost") }); return { [Symbol.asyncDispose]: async () => {} }`,
  ],
  [
    "an unhandled rejection",
    `void Promise.reject(new Error("lost")); return { [Symbol.asyncDispose]: async () => {} }`,
  ],
  ["a failed start", `throw new Error("lost")`],
]) {
  test(`${what} is logged as fatal and ends with code 1`, async () => {
    const { code, text } = await finish(service(body ?? ""), () => {})
    assert.equal(code, 1)
    assert.match(text, /"level":60.*"message":"lost"/)
  })
}
