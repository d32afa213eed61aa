import { once } from "node:events"
import { createServer } from "node:http"

import type { Call } from "./call-log.ts"
import { createEmulatorState, resetState } from "./emulator-state.ts"
import { createApp } from "./http/create-app.ts"
import type { Quota } from "./quota/quota-keeper.ts"

export type EmulatorOptions = {
  /** Address to listen on; 127.0.0.1 if absent. */
  host?: string
  /** 0 or absent: a free port. */
  port?: number
  /** Time a generation takes, fixed or between two bounds; 300 to 900 ms if absent. */
  latencyMs?: number | readonly [least: number, most: number]
  /** Limits per key and model; none if absent. */
  quotas?: Quota
  /** Whether replayed model turns must carry the signatures they came with; true if absent. */
  strictSignatures?: boolean
  /** Whether to serve Imagen's `:predict`, as Google does not any more; false if absent. */
  imagen?: boolean
  /** Largest JSON request; 20 MiB if absent, the strictest limit that Google states. */
  maxRequestBytes?: number
  /** Gets a line a call. */
  log?: (line: string) => void
}

export type Emulator = AsyncDisposable & {
  url: string
  /** The last 10 000 calls, oldest first; an entry is there from the call's arrival and is filled in later. */
  readonly calls: readonly Call[]
  /** Forgets calls, files, used quotas and attempts. */
  reset(): void
  setQuota(quota: Quota): void
  /** Ages files and quota windows by some milliseconds; latency is not touched. */
  advanceClock(ms: number): void
}

/** Starts a stand-in for Google's Gemini image API. Rejects when the address cannot be listened on. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { host = "127.0.0.1", latencyMs = [300, 900] } = options
  const state = createEmulatorState({
    latencyMs: typeof latencyMs === "number" ? [latencyMs, latencyMs] : latencyMs,
    quotas: options.quotas ?? {},
    hasStrictSignatures: options.strictSignatures ?? true,
    servesImagen: options.imagen ?? false,
    maxRequestBytes: options.maxRequestBytes ?? 20_971_520,
  })
  const server = createServer(createApp(state, options.log ?? (() => undefined)))
  server.listen(options.port ?? 0, host)
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    get calls() {
      return state.calls.list()
    },
    reset: () => resetState(state),
    setQuota: (quota) => state.quotas.set(quota),
    advanceClock: (ms) => state.clock.advance(ms),
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    },
  }
}
