import { resultsOf, waitForBatch } from "@kiln/client"
import { operations, type Batch } from "@kiln/contract"

import { exitCodes, type ExitCode } from "../exit-codes.ts"
import { savedInWords } from "../explain.ts"
import { createImageFolder, writeContactSheets, writeResults, type NotSaved } from "../image-folder.ts"
import { batchInWords, plural } from "../in-words.ts"
import { batchLine } from "../progress-line.ts"
import type { Session } from "../session.ts"
import { table } from "../table.ts"

type Saving = { out?: string | undefined; contactSheet: boolean; wait: boolean }

/** Failed items that are shown; results.csv has all of them. */
const mostShown = 20

export const comeBack = (id: string, out: string | undefined): string =>
  `${id} goes on without this program.\n` +
  `  how it is doing   kiln batch status ${id}\n` +
  `  its images        kiln batch results ${id} --out ${out ?? "results"}\n` +
  `  stop it           kiln batch cancel ${id}`

/** Shows the progress of a batch to its end, and saves its images as they are made. */
export async function followBatch(session: Session, batch: Batch, saving: Saving): Promise<ExitCode> {
  const { client, signal, terminal } = session
  session.onInterrupt(comeBack(batch.id, saving.out))
  if (saving.out === undefined) {
    const ended = saving.wait ? await waitFor(session, batch, undefined) : batch
    terminal.result(ended, batchInWords(ended))
    await showFailures(session, ended)
    return exitCodeOf(ended)
  }
  const folder = createImageFolder({ client, folder: saving.out, signal, onSaved: () => undefined })
  const ended = saving.wait
    ? await together(signal, (stop) => [
        waitFor(session, batch, () => folder.count().files, stop),
        folder.take(resultsOf(client, batch.id, { follow: true, signal: stop })),
      ])
    : batch
  // In the order of the rows, and once more for what did not arrive.
  const lost = await folder.take(resultsOf(client, batch.id, { signal }))
  const writing = { client, folder: saving.out, signal }
  const files = [await writeResults(writing, ended)]
  if (saving.contactSheet) files.push(...(await writeContactSheets(writing, ended)))
  const { files: images, saved } = folder.count()
  const report = { folder: saving.out, images, saved, not_saved: lost, files }
  terminal.result({ ...ended, out: report }, batchInWords(ended))
  terminal.say(savedInWords(saved, images - saved, saving.out))
  await showFailures(session, ended)
  showLost(session, lost)
  return lost.length > 0 ? exitCodes.failed : exitCodeOf(ended)
}

function waitFor(
  { client, signal, terminal }: Session,
  { id }: Batch,
  saved: (() => number) | undefined,
  stop = signal,
): Promise<Batch> {
  return waitForBatch(client, id, {
    signal: stop,
    onProgress: (batch) => terminal.progress((columns) => batchLine(batch, saved?.(), columns)),
  })
}

/** Both to their ends; where one fails, the other is stopped first. */
async function together<First>(
  signal: AbortSignal,
  start: (stop: AbortSignal) => readonly [Promise<First>, Promise<unknown>],
): Promise<First> {
  const failed = new AbortController()
  const steps = start(AbortSignal.any([signal, failed.signal]))
  for (const step of steps) step.catch((error: unknown) => failed.abort(error))
  await Promise.allSettled(steps)
  failed.signal.throwIfAborted()
  return steps[0]
}

async function showFailures({ client, signal, terminal }: Session, { id, counts }: Batch): Promise<void> {
  if (counts.failed === 0) return
  const { data } = await client.send(operations.listBatchItems, {
    params: { id },
    query: { status: "failed", limit: mostShown },
    signal,
  })
  const rows = data.map(({ custom_id, error }) => [custom_id, error?.code ?? "–", error?.message ?? "–"])
  terminal.say(`\n${table(["CUSTOM_ID", "ERROR", "WHAT HAPPENED"], rows)}`)
  if (counts.failed > data.length) terminal.say(`and ${counts.failed - data.length} more`)
  terminal.say(`Run them again with: kiln batch retry-failed ${id}`)
}

function showLost({ terminal }: Session, lost: readonly NotSaved[]): void {
  if (lost.length === 0) return
  const rows = lost.slice(0, mostShown).map(({ file, problem }) => [file, problem])
  terminal.say(`\n${plural(lost.length, "image")} could not be saved:\n${table(["FILE", "WHY"], rows)}`)
}

/** A batch that still runs is no failure; one that was canceled did not make what it was to make. */
export function exitCodeOf({ completed_at: end, status, counts }: Batch): ExitCode {
  if (end === null) return exitCodes.ok
  return status === "completed" && counts.succeeded === counts.total ? exitCodes.ok : exitCodes.failed
}
