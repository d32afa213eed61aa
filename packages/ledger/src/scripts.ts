import { readFileSync } from "node:fs"

import type { Redis } from "ioredis"

const names = [
  "submit",
  "dispatch",
  "begin",
  "keep",
  "settle",
  "cancel",
  "retry",
  "remove",
  "sweep",
  "beat",
  "survey",
  "template",
  "keep-asset",
  "forget-asset",
  "keep-input",
  "judge-model",
  "batch-begin",
  "batch-beat",
  "batch-create",
  "batch-drop",
  "batch-take",
  "batch-expand",
  "batch-act",
  "batch-cut",
  "batch-stop",
  "batch-redo",
  "batch-remove",
  "fetch-once",
] as const
type ScriptName = (typeof names)[number]

const source = (name: string) => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8")
/** What each script begins with, in this order. */
const library = ["clock", "circuits", "lib"].map(source).join("\n")

type Argument = string | number
export type Scripts = { run(name: ScriptName, ...args: Argument[]): Promise<unknown> }

/** The atomic steps of the ledger. Every key is in one slot: the prefix is the hash tag. */
export function createScripts(redis: Redis, prefix: string): Scripts {
  for (const name of names) {
    redis.defineCommand(commandOf(name), { numberOfKeys: 1, lua: `${library}\n${source(name)}` })
  }
  // ioredis adds the commands to the instance at run time; its types cannot know their names.
  const commands = redis as unknown as Record<string, (key: string, ...args: Argument[]) => Promise<unknown>>
  return {
    async run(name, ...args) {
      const command = commands[commandOf(name)]
      if (!command) throw new Error(`There is no script ${name}`)
      return command.call(redis, prefix, ...args)
    },
  }
}

const commandOf = (name: ScriptName) => `kiln_${name.replaceAll("-", "_")}`
