import { extname, join } from "node:path"

import { waitForJob, watchJob, type Picture } from "@kiln/client"
import { isTerminal, operations, type Job, type Output } from "@kiln/contract"

import { exitCodes, UsageError, type ExitCode } from "../exit-codes.ts"
import { savedInWords } from "../explain.ts"
import { inParallel } from "../in-parallel.ts"
import { jobInWords } from "../in-words.ts"
import { saveImage } from "../save-image.ts"
import type { Session } from "../session.ts"

const downloadsAtOnce = 4

/** What is done with a job that was just made, by `--wait` and `--out`. */
export async function follow(
  session: Session,
  job: Job,
  { wait, out }: { wait: boolean; out?: string | undefined },
): Promise<ExitCode> {
  const again = `kiln job ${job.id}${out === undefined ? " --watch" : ` --out ${out}`}`
  if (!wait && out === undefined) {
    session.terminal.result(job, `${job.id}  ${job.status}`)
    session.terminal.say(`Come back with: ${again}`)
    return exitCodes.ok
  }
  session.onInterrupt(`${job.id} goes on. Come back with: ${again}`)
  session.terminal.progress(() => `${job.id} is waited for`)
  return tell(session, await waitForJob(session.client, job.id, session.signal), out)
}

type JobFlags = { cancel: boolean; retry: boolean; watch: boolean; out?: string | undefined }

/** `kiln job ID`: shows it, acts on it, follows it, saves its images. */
export async function showJob(session: Session, [id = ""]: string[], flags: JobFlags): Promise<ExitCode> {
  const { client, signal, terminal } = session
  if (flags.cancel && flags.retry) throw new UsageError("--cancel and --retry exclude each other")
  const params = { id }
  const found = flags.cancel
    ? await client.send(operations.cancelJob, { params, signal })
    : flags.retry
      ? await client.send(operations.retryJob, { params, signal })
      : await client.send(operations.getJob, { params, signal })
  if (!flags.watch && flags.out === undefined) {
    terminal.result(found, jobInWords(found))
    return exitCodeOf(found, { isCancelWanted: flags.cancel })
  }
  session.onInterrupt(`${id} goes on. Come back with: kiln job ${id} --watch`)
  if (flags.watch) {
    for await (const { type, timestamp } of watchJob(client, id, { signal }))
      terminal.say(`${timestamp}  ${type}`)
  }
  return tell(session, await waitForJob(client, id, signal), flags.out)
}

async function tell(session: Session, job: Job, out: string | undefined): Promise<ExitCode> {
  const { terminal } = session
  if (out === undefined) {
    terminal.result(job, jobInWords(job))
    return exitCodeOf(job)
  }
  const files = await saveOutputs(session, job, out)
  terminal.result({ ...job, files }, files.join("\n"))
  if (files.length === 0) terminal.say(jobInWords(job))
  return exitCodeOf(job)
}

async function saveOutputs({ client, signal, terminal }: Session, job: Job, out: string): Promise<string[]> {
  let there = 0
  const files = job.outputs.map((output) => ({ output, path: join(out, fileName(job, output)) }))
  await inParallel(files, downloadsAtOnce, async ({ output, path }) => {
    const picture: Picture = { ...output, job: job.id }
    if (!(await saveImage(client, picture, path, signal))) there += 1
  })
  if (files.length > 0) terminal.say(savedInWords(files.length - there, there, out))
  return files.map(({ path }) => path)
}

const fileName = ({ id, parameters }: Job, { index, key }: Output): string =>
  `${id}${parameters.n > 1 ? `-${index + 1}` : ""}${extname(key) || ".png"}`

/** A job that still runs is no failure of the command that asked for it. */
function exitCodeOf({ status }: Job, { isCancelWanted = false } = {}): ExitCode {
  if (!isTerminal(status) || status === "succeeded") return exitCodes.ok
  return isCancelWanted && status === "canceled" ? exitCodes.ok : exitCodes.failed
}
