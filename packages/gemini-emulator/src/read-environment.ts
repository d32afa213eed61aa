import type { Quota } from "./quota/quota-keeper.ts"
import type { EmulatorOptions } from "./start-emulator.ts"

/** The emulator's options from environment variables. @throws Error naming the variable that is wrong. */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): EmulatorOptions {
  const number = (name: string): number | undefined => {
    const text = environment[name]
    if (text === undefined || text === "") return undefined
    if (/^\d+$/.test(text)) return Number(text)
    throw new Error(`${name} must be a whole number, not "${text}".`)
  }
  const limits = { rpm: "KILN_EMULATOR_RPM", ipm: "KILN_EMULATOR_IPM", rpd: "KILN_EMULATOR_RPD" }
  const quotas: Quota = Object.fromEntries(
    Object.entries(limits).flatMap(([limit, name]) => {
      const value = number(name)
      return value === undefined ? [] : [[limit, value]]
    }),
  )
  return {
    host: environment["KILN_EMULATOR_HOST"] || "127.0.0.1",
    port: number("KILN_EMULATOR_PORT") ?? 8790,
    latencyMs: readLatency(environment["KILN_EMULATOR_LATENCY_MS"] || "300-900"),
    quotas,
    ...(environment["KILN_EMULATOR_IMAGEN"] === "1" && { imagen: true }),
  }
}

function readLatency(text: string): readonly [number, number] {
  const found = /^(\d+)(?:-(\d+))?$/.exec(text)
  const least = Number(found?.[1])
  const most = Number(found?.[2] ?? found?.[1])
  if (found !== null && least <= most) return [least, most]
  throw new Error(`KILN_EMULATOR_LATENCY_MS must be milliseconds such as 500 or 300-900, not "${text}".`)
}
