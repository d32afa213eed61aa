import { type BoundedMap, createBoundedMap } from "./bounded-map.ts"
import { type CallLog, createCallLog } from "./call-log.ts"
import { type Clock, createClock } from "./clock.ts"
import { createFileStore, type FileStore } from "./files/file-store.ts"
import { createUploadSessions, type UploadSessions } from "./files/upload-sessions.ts"
import { createPainter, type Painter } from "./generate/painter.ts"
import { createQuotaKeeper, type Quota, type QuotaKeeper } from "./quota/quota-keeper.ts"

/** Everything that one emulator remembers. */
export type EmulatorState = {
  clock: Clock
  calls: CallLog
  files: FileStore
  uploads: UploadSessions
  quotas: QuotaKeeper
  paint: Painter
  /** Attempts by scenario, prompt and key, for failures that end after some calls. */
  attempts: BoundedMap<number>
  /** Pictures painted without a seed, so that each differs from the one before. */
  paintings: { count: number }
  latencyMs: readonly [least: number, most: number]
  hasStrictSignatures: boolean
  /** Whether it plays a gateway that still serves Imagen. */
  servesImagen: boolean
  maxRequestBytes: number
  maxUploadBytes: number
}

const mebibyte = 1024 * 1024

export function createEmulatorState(options: {
  latencyMs: readonly [number, number]
  quotas: Quota
  hasStrictSignatures: boolean
  servesImagen: boolean
  maxRequestBytes: number
}): EmulatorState {
  const clock = createClock()
  // The real limits are 2 GB a file and 20 GB together; these keep a test machine alive.
  const maxUploadBytes = 256 * mebibyte
  return {
    clock,
    calls: createCallLog({ limit: 10_000 }),
    files: createFileStore({ clock, limitBytes: 2 * maxUploadBytes }),
    uploads: createUploadSessions({ limitBytes: maxUploadBytes }),
    quotas: createQuotaKeeper({ clock, quota: options.quotas }),
    paint: createPainter({ cacheBytes: 48 * mebibyte }),
    attempts: createBoundedMap<number>({ limit: 10_000 }),
    paintings: { count: 0 },
    latencyMs: options.latencyMs,
    hasStrictSignatures: options.hasStrictSignatures,
    servesImagen: options.servesImagen,
    maxRequestBytes: options.maxRequestBytes,
    maxUploadBytes,
  }
}

/** Forgets calls, files, used quotas and attempts; the clock goes on. */
export function resetState(state: EmulatorState): void {
  state.calls.clear()
  state.files.clear()
  state.quotas.clear()
  state.attempts.clear()
  state.paintings.count = 0
}
