import { CommanderError, type Command } from "commander"

import { connect } from "./connect.ts"
import type { CliEnv } from "./env.ts"
import { exitCodeOf, exitCodes, Interrupted, UsageError, type ExitCode } from "./exit-codes.ts"
import { errorAsJson, explain } from "./explain.ts"
import { createProgram } from "./program.ts"
import { createTerminal } from "./terminal.ts"

export type Surroundings = {
  env: CliEnv
  /** The folder of the clone, where the data folder of its Kiln is. */
  root: string
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
}

/** Runs a command line; answers what the process is to exit with. Errors are told, not thrown. */
export async function runKiln(args: readonly string[], around: Surroundings): Promise<ExitCode> {
  const { stdin, stdout, stderr, env, root } = around
  let code: ExitCode = exitCodes.ok
  let interruptWords = ""
  let url = env.KILN_URL
  const isJson = args.includes("--json")
  const terminal = createTerminal({ stdin, stdout, stderr, isJson, isQuiet: args.includes("--quiet") })
  const program = createProgram(
    async (common, work) => {
      const connection = await connect(common, env, root)
      ;({ url } = connection)
      return work({
        ...connection,
        terminal,
        signal: around.signal,
        onInterrupt: (words) => void (interruptWords = words),
      })
    },
    (end) => void (code = end),
  )
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({
      writeErr: (text) => void stderr.write(text),
      writeOut: (text) => void stdout.write(text),
    })
  }
  try {
    await program.parseAsync([...args], { from: "user" })
    terminal.endProgress()
    return code
  } catch (thrown) {
    const error = around.signal.aborted ? new Interrupted(interruptWords || "Stopped.") : thrown
    const exitCode = exitCodeOf(error)
    if (exitCode === exitCodes.ok) return exitCode
    // Commander has told people what is wrong.
    if (!(error instanceof CommanderError)) terminal.say(wordsOf(error, url))
    if (isJson) terminal.result(errorAsJson(error), "")
    return exitCode
  }
}

const wordsOf = (error: unknown, url: string): string =>
  error instanceof UsageError ? `error: ${error.message}` : explain(error, url)

function withDescendants(command: Command): Command[] {
  return [command].concat(command.commands.flatMap(withDescendants))
}
