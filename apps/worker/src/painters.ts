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
