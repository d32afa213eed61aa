import type { CircuitPolicy } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { Scripts } from "./scripts.ts"

type Options = { redis: Redis; scripts: Scripts; prefix: string; circuit: CircuitPolicy }

/** What all workers know together of the models' upstreams. */
export function createModelHealth({ redis, scripts, prefix, circuit }: Options) {
  const round = `${prefix}:model-round`
  return {
    /** Notes what the upstream said when it was asked whether it serves a model; answers what is new. */
    async judgeModel(model: string, said: "served" | "gone"): Promise<"gone" | "back" | "same"> {
      return (await scripts.run("judge-model", model, said, circuit.goneMs)) as "same"
    },

    /** Ids of the models that the upstream does not serve. */
    async goneModels(): Promise<Set<string>> {
      const circuits = Object.entries(await redis.hgetall(`${prefix}:circuits`))
      return new Set(circuits.filter(([, text]) => openFor(text) === "model_unavailable").map(([id]) => id))
    },

    /** Whether the caller is the one worker that asks for the models this time; should it die, another may after `mostMs`. */
    async takeModelRound(worker: string, mostMs: number): Promise<boolean> {
      return (await redis.set(round, worker, "PX", mostMs, "NX")) === "OK"
    },

    /** The round is done: the next one is due after `periodMs`. */
    async endModelRound(worker: string, periodMs: number): Promise<void> {
      await redis.set(round, worker, "PX", periodMs)
    },
  }
}

/** Why a model's circuit is open; null when it is closed. The fields are those of circuits.lua. */
function openFor(circuit: string | null | undefined): string | null {
  const [, , opens = "0", reason = ""] = circuit?.split("|") ?? []
  return opens === "0" ? null : reason
}
