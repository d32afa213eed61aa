import { Refusal } from "@kiln/contract"

export const queueFull = (): Refusal =>
  new Refusal("queue_full", "Too many of this tenant's jobs are waiting", { retryAfterMs: 30_000 })
