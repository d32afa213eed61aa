import { text } from "node:stream/consumers"

import { idTime, JobFailure } from "@kiln/contract"
import type { JobRecord, NewJob } from "@kiln/ledger"
import { documentKey, type Storage } from "@kiln/storage"

type ReadText = (key: string, signal: AbortSignal) => Promise<string>

/** Long prompts, which are in storage and not in the ledger. */
export const promptDocuments =
  (storage: Storage): ReadText =>
  async (key, signal) => {
    const found = await storage.open(key, { signal })
    if (!found) throw new JobFailure("storage_error", "The prompt is not in storage any more")
    return text(found.stream)
  }

export async function loadPrompt(record: JobRecord, read: ReadText, signal: AbortSignal): Promise<string> {
  const { prompt, promptKey } = record.spec
  if (prompt !== null) return prompt
  if (promptKey === null) throw new JobFailure("internal", "The job has no prompt")
  return read(promptKey, signal)
}

/** Longer prompts lie in storage: Redis keeps every record in memory. */
const longestPromptBytes = 4_096

/** Puts the long prompt of a new job where long prompts are. */
export async function storePrompt(job: NewJob, storage: Pick<Storage, "put">): Promise<void> {
  const { tenant, id, spec } = job
  if (spec.prompt === null || Buffer.byteLength(spec.prompt) <= longestPromptBytes) return
  const promptKey = documentKey({ tenant, createdAt: idTime(id), id, name: "prompt.txt" })
  const contentType = "text/plain; charset=utf-8"
  await storage.put(promptKey, Buffer.from(spec.prompt, "utf8"), { contentType })
  job.spec = { ...spec, prompt: null, promptKey }
}
