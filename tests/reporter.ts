import { relative } from "node:path"
import type { TestEvent } from "node:test/reporters"
import { inspect } from "node:util"

export type TestRecord = {
  /** Relative to the folder that the tests run in. */
  file: string
  /** The test's name after those of the tests and suites around it. */
  name: string
  outcome: "passed" | "failed" | "skipped"
  ms: number
  /** Message and stack of a failure. */
  error?: string
}

/** Writes a JSON line for each test that ended; Node takes a reporter from the default export only. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = []
  for await (const event of source) {
    if (event.type === "test:start") path[event.data.nesting] = event.data.name
    // Errors after a test has ended belong to no test: they are told beside the records.
    if (event.type === "test:diagnostic" && event.data.message.startsWith("Error")) {
      process.stderr.write(`${event.data.message}
`)
    }
    if (event.type !== "test:pass" && event.type !== "test:fail") continue
    const names = [...path.slice(0, event.data.nesting), event.data.name]
    const record = recordOf(event, names.join(" > "))
    if (record !== undefined) yield `${JSON.stringify(record)}\n`
  }
}

type Ended = Extract<TestEvent, { type: "test:pass" | "test:fail" }>

/** Undefined for a suite, a file without tests, and a test that failed only because one inside it did. */
function recordOf({ type, data }: Ended, name: string): TestRecord | undefined {
  const file = relative(process.cwd(), data.file ?? "")
  const ms = data.details.duration_ms
  if (isSet(data.skip) || isSet(data.todo)) return { file, name, outcome: "skipped", ms }
  if (type === "test:pass") {
    const isTest = data.details.type !== "suite" && name !== file
    return isTest ? { file, name, outcome: "passed", ms } : undefined
  }
  const { error } = data.details
  if ("failureType" in error && error.failureType === "subtestsFailed") return undefined
  return { file, name, outcome: "failed", ms, error: inspect(error.cause ?? error) }
}

function isSet(mark: string | boolean | undefined): boolean {
  return mark !== undefined && mark !== false
}
