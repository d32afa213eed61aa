import { Command } from "commander"
import type { z } from "zod"

import { actOnBatch, batchResults, batchStatus, deleteBatch, listBatches } from "./commands/batch-by-id.ts"
import { batch } from "./commands/batch.ts"
import { edit } from "./commands/edit.ts"
import { generate } from "./commands/generate.ts"
import { createKey, listKeys, revokeKey } from "./commands/keys.ts"
import { showJob } from "./commands/one-job.ts"
import type { ExitCode } from "./exit-codes.ts"
import * as flags from "./flags.ts"
import type { Session } from "./session.ts"

type CommonFlags = z.output<typeof flags.CommonFlags>
/** Opens a session for a command's flags and runs it. */
export type RunCommand = (
  common: CommonFlags,
  work: (session: Session) => Promise<ExitCode>,
) => Promise<ExitCode>

type Definition<Schema extends z.ZodType> = {
  /** With its arguments, such as `job <id>`. */
  name: string
  does: string
  flags?: readonly flags.Flag[]
  reads: Schema
  /** Without an argument it can only explain itself. */
  needsArgument?: boolean
  run: (session: Session, args: string[], flags: z.output<Schema>) => Promise<ExitCode>
}

const saving: readonly flags.Flag[] = [
  ["--out <folder>", "save the images there, named by custom_id, with results.csv"],
  ["--contact-sheet", "with --out: a PNG of all images"],
  ["--no-wait", "do not wait until it has ended"],
]

const batchFlags: readonly flags.Flag[] = [
  ["--scenes <file>", "JSON: a list of scenes, each with an id and a prompt or template"],
  ...saving,
  ["--yes", "do not ask before anything is spent"],
  ["--name <name>", "what you call it"],
  ["--prompt <prompt>", "of rows that have none"],
  ...flags.painting,
  ["--priority <priority>", "low, normal or high"],
  ["--max-cost <usd>", "refuse when the estimate of all is above"],
  ["--max-parallel <number>", "items that run at once"],
  ["--on-invalid <what>", "fail: one bad row refuses all; skip: the rest is taken"],
  ["--resume <batch>", "take over what an earlier batch made of the same rows"],
]

/** All commands. What a command answers goes to `onEnd`. */
export function createProgram(runCommand: RunCommand, onEnd: (code: ExitCode) => void): Command {
  const program = new Command("kiln")
    .description("Makes images with Kiln.")
    .enablePositionalOptions()
    .showHelpAfterError("(kiln --help, kiln <command> --help)")
    .helpCommand(false)

  function define<Schema extends z.ZodType>(parent: Command, definition: Definition<Schema>): Command {
    const { name, does, flags: own = [], reads, run, needsArgument = false } = definition
    const command = parent.command(name).description(does)
    for (const [flag, meaning] of [...own, ...flags.everyCommand]) command.option(flag, meaning)
    return command.action(async () => {
      const given: unknown = command.opts()
      const read = flags.readFlags(reads, given)
      const args = command.processedArgs.filter((arg): arg is string => typeof arg === "string")
      if (needsArgument && args.length === 0) command.help({ error: true })
      const common = flags.readFlags(flags.CommonFlags, given)
      onEnd(await runCommand(common, (session) => run(session, args, read)))
    })
  }

  defineJobs(program, define)
  const batches = define(program, {
    name: "batch [file]",
    does: "make every row of a CSV, NDJSON or JSON file; with --scenes every product in every scene",
    flags: batchFlags,
    reads: flags.BatchFlags,
    needsArgument: true,
    run: batch,
  })
  defineBatches(batches, define)
  defineKeys(program.command("keys").description("API keys; needs a key with the scope admin"), define)
  return program
}

type Define = <Schema extends z.ZodType>(parent: Command, definition: Definition<Schema>) => Command

function defineJobs(program: Command, define: Define): void {
  define(program, {
    name: "generate [prompt]",
    does: "make images from words",
    flags: [...flags.painting, ...flags.oneJob],
    reads: flags.JobFlags,
    run: generate,
  })
  define(program, {
    name: "edit [prompt]",
    does: "make images from images and words",
    flags: [
      [
        "--image <source...>",
        "a file, URL, ast_…, or job_…:0, in the order in which the prompt speaks of them",
      ],
      ...flags.painting,
      ...flags.oneJob,
    ],
    reads: flags.EditFlags,
    run: edit,
  })
  define(program, {
    name: "job <id>",
    does: "see, follow, stop or repeat a job",
    flags: [
      ["--cancel", "stop it"],
      ["--retry", "run it again"],
      ["--watch", "follow it to its end"],
      ["--out <folder>", "wait, and save the images there"],
    ],
    reads: flags.OneJobFlags,
    run: showJob,
  })
}

function defineBatches(batches: Command, define: Define): void {
  define(batches, {
    name: "status <id>",
    does: "see how a batch is doing",
    flags: [["--watch", "follow it to its end"]],
    reads: flags.WatchFlags,
    run: batchStatus,
  })
  define(batches, {
    name: "results <id>",
    does: "save the images of a batch, or print a line for each item",
    flags: [...saving, ["--format <format>", "of the lines: ndjson or csv"]],
    reads: flags.ResultsFlags,
    run: batchResults,
  })
  define(batches, {
    name: "list",
    does: "see all batches, newest first",
    reads: flags.NoFlags,
    run: listBatches,
  })
  const acts = [
    ["cancel", "stop it: what waits is canceled, what runs is aborted", "cancelBatch"],
    ["pause", "hold it: what runs ends, what waits goes on waiting", "pauseBatch"],
    ["resume", "go on with it", "resumeBatch"],
    ["retry-failed", "run what failed or expired again, and nothing else", "retryFailedItems"],
  ] as const
  for (const [name, does, act] of acts) {
    define(batches, { name: `${name} <id>`, does, reads: flags.NoFlags, run: actOnBatch(act) })
  }
  define(batches, {
    name: "delete <id>",
    does: "remove a batch that has ended, with its jobs and their images",
    reads: flags.NoFlags,
    run: deleteBatch,
  })
}

function defineKeys(keys: Command, define: Define): void {
  define(keys, {
    name: "list",
    does: "see all keys, without their secrets",
    flags: [["--tenant <name>", "of this tenant"]],
    reads: flags.ListKeysFlags,
    run: listKeys,
  })
  define(keys, {
    name: "create",
    does: "make a key; it is shown once, on stdout",
    flags: [
      ["--tenant <name>", "whose key it is"],
      ["--scope <scope...>", "jobs:write and jobs:read where it is absent"],
      ["--name <name>", "what it is for"],
      ["--expires <time>", "such as 2030-01-01T00:00:00Z"],
    ],
    reads: flags.CreateKeyFlags,
    run: createKey,
  })
  define(keys, { name: "revoke <id>", does: "end a key", reads: flags.NoFlags, run: revokeKey })
}
