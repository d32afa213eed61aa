import { decodeUnaffordable, type Unaffordable } from "./budget.ts"
import { handovers, type Handover } from "./handover.ts"
import type { Scripts } from "./scripts.ts"

type Options = { scripts: Scripts; retentionMs: number; mostReady: number; mostQueued: number }

export type Retried =
  | { kind: "missing" | "active" | "terminal" | "full" }
  | { kind: "queued"; ready: Handover[] }
  | Unaffordable

/** How callers step in: cancel, retry, remove. */
export function createInterventions({ scripts, retentionMs, mostReady, mostQueued }: Options) {
  return {
    /** `asked`: it runs somewhere, and its worker was told. */
    async cancel(id: string, tenant: string): Promise<"missing" | "terminal" | "ended" | "asked"> {
      return (await scripts.run("cancel", id, tenant, retentionMs)) as "asked"
    },

    /** Runs an ended job again; limits and budgets bind as they do for a new one. */
    async retry(id: string, tenant: string): Promise<Retried> {
      const answer = (await scripts.run("retry", id, tenant, mostReady, mostQueued)) as [
        Retried["kind"],
        ...(string | number)[],
      ]
      const [kind, ...rest] = answer
      if (kind === "unaffordable") return decodeUnaffordable(rest)
      return kind === "queued" ? { kind, ready: handovers(rest) } : { kind }
    },

    /** Removes records for good; answers the ids that were there. A tenant of undefined removes any tenant's. */
    async remove(ids: readonly string[], tenant?: string): Promise<{ id: string; tenant: string }[]> {
      const pairs = (await scripts.run("remove", tenant ?? "", ...ids)) as string[]
      return pairs.flatMap((id, index) => (index % 2 === 0 ? [{ id, tenant: pairs[index + 1] ?? "" }] : []))
    },
  }
}
