import { statfs } from "node:fs/promises"

import { JobFailure } from "@kiln/contract"
import { bytesBelow } from "@kiln/runtime"

import { insist, untilMendedMs } from "../insist.ts"
import type { ImageWork } from "./image-work.ts"

/** Keeps calls back while the disk has no room for what they would bring. */
export type SpoolRoom = {
  /** Waits until there is room for more images; throws the reason why the run stops. */
  passable(work: Pick<ImageWork, "run" | "log">): Promise<void>
  /** Whether the disk itself is full, not only Kiln's share of it. */
  isDiskFull(): Promise<boolean>
  /** What all processes of this machine have in their spools. */
  bytes: () => Promise<number>
  /** Why nothing is called just now. */
  trouble(): string | undefined
}

type Options = {
  /** Where the spools of all processes of this machine are. */
  parent: string
  mostBytes: number
  freeBytes?: (folder: string) => Promise<number>
}

/** Other things on the machine need some of the disk, too. */
const leastFreeBytes = 128 * 1024 * 1024
/** A look costs a few system calls a file: where there was room for many images, there is for a moment. */
const goodForMs = 500
const muchBytes = 256 * 1024 * 1024

export function createSpoolRoom({ parent, mostBytes, freeBytes = freeOn }: Options): SpoolRoom {
  let looking: Promise<void> | undefined
  let why: string | undefined
  let waiting = 0
  let goodUntil = -Infinity

  const isDiskFull = async () => (await freeBytes(parent)) < leastFreeBytes

  async function look(): Promise<void> {
    const [bytes, isFull] = await Promise.all([bytesBelow(parent), isDiskFull()])
    why =
      bytes >= mostBytes ? "its spool is full" : isFull ? "the disk with its spool is almost full" : undefined
    if (why === undefined && mostBytes - bytes > muchBytes) goodUntil = performance.now() + goodForMs
  }

  async function pass(): Promise<void> {
    if (performance.now() < goodUntil) return
    looking ??= look().finally(() => (looking = undefined))
    await looking
    if (why !== undefined) throw new JobFailure("storage_error", `The worker has no room for images: ${why}`)
  }

  return {
    isDiskFull,
    async passable({ run, log }) {
      waiting += 1
      try {
        await insist(pass, {
          signal: run.stop,
          lastTry: run.leaving,
          forMs: untilMendedMs,
          onError: (error) => log.warn({ err: error }, "no room for images, nothing is called"),
        })
      } finally {
        waiting -= 1
      }
    },
    bytes: () => bytesBelow(parent),
    trouble: () => (waiting > 0 ? why : undefined),
  }
}

async function freeOn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
