import { GoogleError } from "../google-error.ts"
import type { Scenario } from "./scenario.ts"
import { scenarios } from "./scenarios.ts"

export type ChosenScenario = { scenario: Scenario; argument: string | undefined }

const byName = new Map(scenarios.map((scenario) => [scenario.name, scenario]))

/**
 * The scenarios that a request asks for: `[[name]]` or `[[name:argument]]` in the prompt, and the header's list with
 * commas. Unknown names in a prompt are prose.
 * @throws GoogleError 400 for an unknown name in the header.
 */
export function chooseScenarios(prompt: string, header: string | undefined): ChosenScenario[] {
  const inPrompt = Array.from(prompt.matchAll(/\[\[([a-z0-9_]+)(?::([^\]]*))?\]\]/g), (found) => {
    const scenario = byName.get(found[1] ?? "")
    return scenario === undefined ? undefined : { scenario, argument: found[2] }
  })
  const inHeader = (header ?? "")
    .split(",")
    .filter((word) => word.trim() !== "")
    .map(readWord)
  return [...inHeader, ...inPrompt.filter((chosen) => chosen !== undefined)]
}

function readWord(word: string): ChosenScenario {
  const [name = "", ...rest] = word.trim().split(":")
  const scenario = byName.get(name)
  if (scenario !== undefined) return { scenario, argument: rest.length === 0 ? undefined : rest.join(":") }
  throw new GoogleError("INVALID_ARGUMENT", `x-emulator-scenario: there is no scenario named "${name}".`)
}
