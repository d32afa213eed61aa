import { JobFailure } from "@kiln/contract"

export function storageFailure(sentence: string, cause?: unknown): JobFailure {
  return new JobFailure("storage_error", sentence, cause === undefined ? {} : { cause })
}

/** Runs one step; what it throws becomes what `explain` makes of it, unless it is a failure or an abort already. */
export async function explained<T>(
  step: () => Promise<T>,
  explain: (error: unknown) => JobFailure,
  signal?: AbortSignal,
): Promise<T> {
  try {
    signal?.throwIfAborted()
    return await step()
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw error instanceof JobFailure ? error : explain(error)
  }
}

/** The `code` of an error of Node, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}
