import type { Job, JobError } from "@kiln/contract"

/** Leaves room for what is around the job. */
const mostBytes = 19_800

type Cut = (job: Job) => Job

const shorten = (text: string, most: number): string =>
  // Not between the two halves of a character.
  text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, "")}…`
const shortenIf = (text: string | null, most: number) => text && shorten(text, most)

const cutWords =
  (most: number): Cut =>
  (job) => ({
    ...job,
    prompt: shortenIf(job.prompt, most),
    text: shortenIf(job.text, most),
    parameters: {
      ...job.parameters,
      ...(job.parameters.system_instruction === undefined
        ? {}
        : { system_instruction: shorten(job.parameters.system_instruction, most) }),
    },
  })

const shortError = (error: JobError): JobError => ({
  ...error,
  message: shorten(error.message, 200),
  upstream: error.upstream && { ...error.upstream, message: shortenIf(error.upstream.message, 200) },
})

const cutHistory: Cut = (job) => ({
  ...job,
  error: job.error && shortError(job.error),
  shortfall: job.shortfall && {
    ...job.shortfall,
    errors: job.shortfall.errors.slice(0, 3).map(shortError),
  },
  attempts: job.attempts.slice(-5),
  warnings: job.warnings.slice(0, 5),
})

const cutMetadata: Cut = (job) => ({
  ...job,
  metadata: Object.fromEntries(
    Object.entries(job.metadata).map(([name, value]) => [name, shorten(value, 40)]),
  ),
})

/** The images stay within reach: by `urls.self`, or `GET /v1/jobs/{id}/outputs/{index}`. */
const cutLinks: Cut = (job) => ({
  ...job,
  outputs: job.outputs.map((output) => ({ ...output, url: null, url_expires_at: null, preview_url: null })),
})

/** What can be missed most easily goes first. */
const cuts: readonly Cut[] = [cutWords(2_000), cutHistory, cutWords(200), cutMetadata, cutLinks]

const bytesOf = (job: Job): number => Buffer.byteLength(JSON.stringify(job))

/** The job in less than 20 KB of JSON: texts are cut as far as it takes, and `truncated` says so. */
export function fitJob(job: Job): Job & { truncated?: true } {
  if (bytesOf(job) < mostBytes) return job
  let small = job
  for (const cut of cuts) {
    small = cut(small)
    if (bytesOf(small) < mostBytes) break
  }
  return { ...small, truncated: true }
}
