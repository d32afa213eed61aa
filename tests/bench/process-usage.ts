import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }))

/** Processor time that a process has used up to now, in milliseconds, by all of its threads. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  // The name before the last parenthesis may have blanks in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])]
  return ((userTicks + systemTicks) / ticksPerSecond) * 1_000
}

/** Memory of a process in MiB: resident now, and at its highest. */
export function memoryMib(pid: number): { residentMib: number; peakMib: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1_024
  return { residentMib: mib("VmRSS"), peakMib: mib("VmHWM") }
}
