import type { Batch, Job } from "@kiln/contract"

export const usd = (amount: number | null): string =>
  amount === null ? "$?" : `$${amount.toFixed(amount >= 1 || amount === 0 ? 2 : 4)}`

/** `50 s`, `15 min`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`

export function batchInWords(batch: Batch): string {
  const { counts, usage } = batch
  const parts = (["succeeded", "failed", "canceled", "expired", "running", "queued"] as const)
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${status}`)
  const refused = batch.refused.count > 0 ? [`  refused  ${plural(batch.refused.count, "row")}`] : []
  return [
    `${batch.id}  ${batch.status}${batch.name === null ? "" : `  ${batch.name}`}`,
    `  items    ${counts.total}: ${parts.join(", ")}`,
    `  cost     ${usd(usage.cost_usd)}, estimated ${usd(usage.estimated_cost_usd)}`,
    ...(batch.eta_seconds === null ? [] : [`  left     ${duration(batch.eta_seconds)}`]),
    ...refused,
    ...(batch.error === null ? [] : [`  error    ${batch.error}`]),
  ].join("\n")
}

export function jobInWords(job: Job): string {
  const { error, queue } = job
  return [
    `${job.id}  ${job.status}  ${job.model}`,
    ...(error ? [`  error    ${error.code}: ${error.message}`] : []),
    ...(queue ? [`  queue    ${placeInWords(queue)}`] : []),
    ...job.outputs.map(
      ({ index, width, height, bytes, url }) =>
        `  image ${index}  ${width}×${height}, ${bytes} bytes  ${url ?? "removed"}`,
    ),
    `  cost     ${usd(job.usage.cost_usd)}`,
    ...job.warnings.map(({ detail }) => `  warning  ${detail}`),
  ].join("\n")
}

function placeInWords({ position, blocked_by: why, eta_seconds: eta }: NonNullable<Job["queue"]>): string {
  const left = eta === null ? "" : `, ${duration(eta)} left`
  return `place ${position}${why === null ? "" : `, held up by ${why}`}${left}`
}
