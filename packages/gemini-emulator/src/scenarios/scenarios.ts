import { bodyScenarios } from "./body-scenarios.ts"
import { errorScenarios } from "./error-scenarios.ts"
import { finishScenarios } from "./finish-scenarios.ts"
import type { Scenario } from "./scenario.ts"
import { wireScenarios } from "./wire-scenarios.ts"

/** Everything that the emulator can be told to do wrong. */
export const scenarios: readonly Scenario[] = [
  ...finishScenarios,
  ...bodyScenarios,
  ...errorScenarios,
  ...wireScenarios,
]
