import { Refusal } from "@kiln/contract"

export type WaitKind = "wait" | "events"

/** Counts the waits and event streams that are open in this process, and refuses a tenant that has too many. */
export function createOpenWaits({ most }: { most: number }) {
  const byTenant = new Map<string, number>()
  const byKind = { wait: 0, events: 0 }
  return {
    byKind: (): Readonly<Record<WaitKind, number>> => byKind,
    /** Throws `rate_limited`; what it gives is to be disposed of when the wait is over. */
    enter(tenant: string, kind: WaitKind): Disposable {
      const open = byTenant.get(tenant) ?? 0
      if (open >= most) {
        throw new Refusal("rate_limited", `More than ${most} waits and event streams are open`, {
          retryAfterMs: 5_000,
        })
      }
      byTenant.set(tenant, open + 1)
      byKind[kind] += 1
      return {
        [Symbol.dispose]() {
          byKind[kind] -= 1
          const left = (byTenant.get(tenant) ?? 1) - 1
          if (left > 0) byTenant.set(tenant, left)
          else byTenant.delete(tenant)
        },
      }
    },
  }
}
export type OpenWaits = ReturnType<typeof createOpenWaits>
