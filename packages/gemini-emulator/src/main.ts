import { once } from "node:events"

import { readEnvironment } from "./read-environment.ts"
import { startEmulator } from "./start-emulator.ts"

const write = (line: string) => process.stdout.write(`${line}\n`)
const stop = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")])
const emulator = await startEmulator({ ...readEnvironment(process.env), log: write })
write(`Gemini EMULATOR (not Google) on ${emulator.url}: pictures are drawn locally, nothing is charged.`)
write(`What it can be told to do wrong: ${emulator.url}/emulator/scenarios`)
await stop
await emulator[Symbol.asyncDispose]()
