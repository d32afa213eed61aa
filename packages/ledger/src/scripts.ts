import type { Redis } from "ioredis"

import { createFence } from "./fence.ts"
import { scriptText } from "./script-text.ts"

const names = [
  "submit",
  "submit-answered",
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
  "place",
  "template",
  "keep-asset",
  "forget-asset",
  "keep-input",
  "judge-model",
  "hold",
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
  "batch-removed",
  "fetch-once",
  "keep-endpoint",
  "change-endpoint",
  "forget-endpoint",
  "test-endpoint",
  "rotate-secret",
  "first-secret",
  "deliveries-take",
  "deliveries-record",
  "deliveries-give-back",
  "deliveries-reap",
  "deliver-again",
  "replay",
  "offer-accounts",
  "take-call",
  "end-call",
  "accounts",
  "resume-accounts",
  "resume-jobs",
  "time",
] as const
type ScriptName = (typeof names)[number]

/** They write down what has happened, under a name of its own each: better late than never, and twice does no harm. */
const evenLate: ReadonlySet<ScriptName> = new Set<ScriptName>([
  "begin",
  "keep",
  "keep-input",
  "hold",
  "beat",
  "judge-model",
  "fetch-once",
  "take-call",
  "end-call",
  "deliveries-record",
  "deliveries-give-back",
])

type Argument = string | number
export type Scripts = { run(name: ScriptName, ...args: Argument[]): Promise<unknown> }

/**
 * The atomic steps of the ledger. Every key is in one slot: the prefix is the hash tag. With `answerWithinMs`, a step
 * that changes or gives something to its caller never happens later than that: nobody would hear of it.
 */
export function createScripts(redis: Redis, prefix: string, answerWithinMs?: number): Scripts {
  for (const name of names) {
    redis.defineCommand(commandOf(name), { numberOfKeys: 1, lua: scriptText(name) })
  }
  // ioredis adds the commands to the instance at run time; its types cannot know their names.
  const commands = redis as unknown as Record<string, (key: string, ...args: Argument[]) => Promise<unknown>>
  async function send(name: ScriptName, latest: number | "", args: Argument[]): Promise<unknown> {
    const command = commands[commandOf(name)]
    if (!command) throw new Error(`There is no script ${name}`)
    return command.call(redis, prefix, latest, ...args)
  }
  if (answerWithinMs === undefined) return { run: async (name, ...args) => send(name, "", args) }

  const readTime = async () => Number(await send("time", "", []))
  const fence = createFence({ readTime, answerWithinMs })
  redis.on("ready", () => fence.forget())
  return {
    async run(name, ...args) {
      if (evenLate.has(name)) return send(name, "", args)
      const sentAt = performance.now()
      try {
        return await send(name, await fence.latest(), args)
      } catch (error) {
        if (!fence.isMistaken(error, sentAt)) throw error
        return send(name, await fence.latest(), args)
      }
    },
  }
}

const commandOf = (name: ScriptName) => `kiln_${name.replaceAll("-", "_")}`
