import { compare, type Row } from "./benchmark.ts"
import type { Load } from "./load.ts"

/** No request of the load may be refused for being one too many. */
export const noLimit = { KILN_REQUESTS_PER_MINUTE: "1000000000" }

/** Throughput and processor time of two servers under the same load. */
export function loadRows(
  name: string,
  { bare, kiln }: Record<"bare" | "kiln", Load[]>,
  atLeast: number,
): Row[] {
  return [
    compare({
      measure: `${name}: throughput`,
      unit: "requests/s",
      bare: bare.map(({ perSecond }) => perSecond),
      kiln: kiln.map(({ perSecond }) => perSecond),
      aim: { ratio: { atLeast } },
    }),
    compare({
      measure: `${name}: CPU of the server a request`,
      unit: "ms",
      bare: bare.map(({ cpuMsPerRequest }) => cpuMsPerRequest),
      kiln: kiln.map(({ cpuMsPerRequest }) => cpuMsPerRequest),
    }),
  ]
}
