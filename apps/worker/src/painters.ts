import { JobFailure, type ModelEntry } from "@kiln/contract"
import type { Paint } from "@kiln/jobs"

type Protocol = ModelEntry["protocol"]

/** Model → provider: each protocol of the registry and who speaks it. */
export const createPainters =
  (byProtocol: Readonly<Record<Protocol, Paint>>): Paint =>
  async (request, options) => {
    const paint = byProtocol[request.model.protocol]
    if (!paint) throw new JobFailure("model_unavailable", `No provider speaks ${request.model.protocol}`)
    return paint(request, options)
  }

/** Spreads calls over several keys in turn. */
export function inTurn(paints: readonly [Paint, ...Paint[]]): Paint {
  let calls = 0
  return async (request, options) => {
    const paint = paints[calls % paints.length] ?? paints[0]
    calls += 1
    return paint(request, options)
  }
}
