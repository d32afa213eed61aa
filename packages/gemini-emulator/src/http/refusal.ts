import type { GoogleError } from "../google-error.ts"
import type { ChosenScenario } from "../scenarios/choose-scenarios.ts"
import type { Reply } from "../scenarios/scenario.ts"
import { type Visit, versionOf } from "./visit.ts"

/** The first refusal among the chosen scenarios; `subject` is what repeated attempts are known by, with the key. */
export function refusalOf(
  visit: Visit,
  chosen: readonly ChosenScenario[],
  subject: string,
): GoogleError | Reply | undefined {
  const { attempts } = visit.state
  for (const { scenario, argument } of chosen) {
    const counter = `${scenario.name} ${visit.key} ${subject}`
    const refusal = scenario.refuse?.({
      argument,
      model: visit.params["model"] ?? "",
      version: versionOf(visit),
      method: visit.params["method"] ?? "",
      attempt() {
        const count = (attempts.get(counter) ?? 0) + 1
        attempts.set(counter, count)
        return count
      },
    })
    if (refusal !== undefined) return refusal
  }
  return undefined
}
