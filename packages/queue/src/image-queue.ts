/** The one queue of images and the reason for each of its numbers. */
export const imageQueue = {
  name: "images",
  /** A worker that dies loses its job after this long at the most … */
  lockDuration: 20_000,
  /** … plus this: another one has it within half a minute. */
  stalledInterval: 5_000,
  /** Deaths are counted by the ledger, which can tell the caller; BullMQ's own limit only has to be out of the way. */
  maxStalledCount: 1_000,
  /** Finished jobs leave at once: the ledger has the record, and memory stays flat. */
  removeOnComplete: true,
  removeOnFail: true,
  /** Seconds that a fetch blocks when nothing waits. */
  drainDelay: 5,
  /** Ids in one pipeline. */
  chunk: 500,
} as const

/** BullMQ's keys and the ledger's share one slot of a cluster, but not a name. */
export const queuePrefix = (prefix: string): string => `{${prefix}}bull`

/** Each handing over is a BullMQ job of its own, so that one that is still ending cannot hide the next. */
export const jobIdOf = (id: string, turn: number): string => `${id}.${turn}`
