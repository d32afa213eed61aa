import { text } from "node:stream/consumers"

import { JobFailure } from "@kiln/contract"
import type { JobRecord } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"

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
