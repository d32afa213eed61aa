import { handovers, type Handover } from "./handover.ts"
import type { Scripts } from "./scripts.ts"

type Options = { scripts: Scripts; retentionMs: number; mostReady: number }

/** How callers step in: cancel, retry, remove. */
export function createInterventions({ scripts, retentionMs, mostReady }: Options) {
  return {
    /** `asked`: it runs somewhere, and its worker was told. */
    async cancel(id: string, tenant: string): Promise<"missing" | "terminal" | "ended" | "asked"> {
      return (await scripts.run("cancel", id, tenant, retentionMs)) as "asked"
    },

    async retry(
      id: string,
      tenant: string,
    ): Promise<{ kind: "missing" | "active" | "terminal" } | { kind: "queued"; ready: Handover[] }> {
      const [kind, ...rest] = (await scripts.run("retry", id, tenant, mostReady)) as [
        "queued",
        ...(string | number)[],
      ]
      return kind === "queued" ? { kind, ready: handovers(rest) } : { kind }
    },

    /** Removes records for good; answers the ids that were there. A tenant of undefined removes any tenant's. */
    async remove(ids: readonly string[], tenant?: string): Promise<{ id: string; tenant: string }[]> {
      const pairs = (await scripts.run("remove", tenant ?? "", ...ids)) as string[]
      return pairs.flatMap((id, index) => (index % 2 === 0 ? [{ id, tenant: pairs[index + 1] ?? "" }] : []))
    },
  }
}
