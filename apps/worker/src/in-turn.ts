import { JobFailure } from "@kiln/contract"
import { nextPacificMidnight, type Paint } from "@kiln/jobs"

type Key = { paint: Paint; restsUntil: Map<string, number> }

/** When the upstream does not say how long. */
const pauseMs = 15_000

const freeAt = (key: Key, model: string) => key.restsUntil.get(model) ?? 0

/**
 * Spreads calls over several keys in turn. A key whose quota for a model is used up is passed over until it is
 * free again; the model itself waits only as long as none of its keys is.
 */
export function inTurn(paints: readonly [Paint, ...Paint[]], now: () => number = Date.now): Paint {
  const keys = paints.map((paint): Key => ({ paint, restsUntil: new Map() }))
  let calls = 0

  /** The next key that is free, or else the one that will be first. */
  function next(model: string): Key | undefined {
    const inOrder = keys
      .map((_, index) => keys[(calls + index) % keys.length])
      .filter((key) => key !== undefined)
    calls += 1
    const soonest = inOrder.toSorted((a, b) => freeAt(a, model) - freeAt(b, model))[0]
    return inOrder.find((key) => freeAt(key, model) <= now()) ?? soonest
  }

  return async (request, options) => {
    const { id } = request.model
    const key = next(id)
    if (!key) throw new JobFailure("upstream_auth", "No API key is configured")
    try {
      return await key.paint(request, options)
    } catch (error) {
      if (!(error instanceof JobFailure) || (error.quota !== "minute" && error.quota !== "day")) throw error
      const restsUntil =
        error.quota === "day"
          ? nextPacificMidnight(new Date(now())).getTime()
          : now() + (error.retryAfterMs ?? pauseMs)
      key.restsUntil.set(id, restsUntil)
      const soonest = Math.min(...keys.map((each) => freeAt(each, id)))
      if (soonest >= restsUntil) throw error
      throw new JobFailure(error.code, error.message, {
        quota: "minute",
        retryAfterMs: Math.max(0, soonest - now()),
        charged: error.charged,
        upstream: error.upstream,
        cause: error,
      })
    }
  }
}
