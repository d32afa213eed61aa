import { createHash } from "node:crypto"

import type { ModelEntry } from "@kiln/contract"
import type { Account, Paint } from "@kiln/jobs"

/** A key of the upstream and who paints with it. */
export type UpstreamKey = { key: string; paint: Paint }

/** An account with its way to the upstream. */
export type UpstreamAccount = Account & { paint: Paint }

export type UpstreamOptions = {
  keys: readonly [UpstreamKey, ...UpstreamKey[]]
  /** Where models are served that name no address of their own. */
  baseUrl: string
  /** Keys by the id of the model that has one of its own. */
  modelKeys: Readonly<Record<string, string>>
  /** Laid over the registry's limits; absent or 0 leaves those. */
  limits: { rpm?: number | undefined; rpd?: number | undefined; windowMs: number }
}

/** The accounts that a model can be called with: one a key, or the one of the model's own key. */
export function accountsOf(model: ModelEntry, options: UpstreamOptions): UpstreamAccount[] {
  const { keys, modelKeys, limits } = options
  const baseUrl = model.base_url ?? options.baseUrl
  const own = Object.hasOwn(modelKeys, model.id) ? modelKeys[model.id] : undefined
  const usable = own === undefined ? keys : [{ key: own, paint: keys[0].paint }]
  const accounts = usable.map(({ key, paint }) => ({
    project: projectOf(baseUrl, key),
    // Each call makes one image.
    rpm: least(limits.rpm || model.limits.rpm, model.limits.ipm),
    rpd: limits.rpd || model.limits.rpd,
    windowMs: limits.windowMs,
    paint,
  }))
  return [...new Map(accounts.map((account) => [account.project, account])).values()]
}

/** A name for a key in logs and in Redis that gives nothing of it away. */
const projectOf = (baseUrl: string, key: string): string =>
  createHash("sha256").update(`${baseUrl} ${key}`).digest("hex").slice(0, 12)

function least(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
