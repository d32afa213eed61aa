import { Refusal, type operations, type UsageReport } from "@kiln/contract"
import { toUsd } from "@kiln/jobs"
import type { Ledger, UsageRow } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { requireScope } from "../http/require-scope.ts"

type Deps = { ledger: Pick<Ledger, "usage" | "limits"> }
type Group = "day" | "model" | "key"
type Counts = UsageReport["total"]

const dayMs = 24 * 3_600_000
const mostDays = 366
const usualDays = 30

export function getUsage({ ledger }: Deps): Handler<typeof operations.getUsage> {
  return async ({ query }, { res }) => {
    const own = callerOf(res).key.tenant
    const tenant = query.tenant ?? own
    if (tenant !== own) requireScope(res, "admin")
    const now = new Date()
    const range = rangeOf(query, now)
    const groups = [...new Set(query.group_by.split(","))] as Group[]
    const [rows, limits, standing] = await Promise.all([
      ledger.usage.read(tenant, range.from, range.to),
      ledger.limits.read(tenant),
      ledger.usage.standing(tenant, now),
    ])
    const spent = { day: usd(standing.day), month: usd(standing.month) }
    return {
      body: {
        object: "usage",
        tenant,
        ...range,
        data: grouped(rows, groups),
        total: sum(rows),
        budgets: {
          daily: budget(limits.daily_budget_usd, spent.day, nextDay(now)),
          monthly: budget(limits.monthly_budget_usd, spent.month, nextMonth(now)),
          reserved_usd: usd(standing.reserved),
        },
      },
    }
  }
}

const usd = (nanoUsd: number): number => toUsd(nanoUsd) ?? 0

const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

function rangeOf(query: { from?: string | undefined; to?: string | undefined }, now: Date) {
  const to = query.to ?? isoDay(now.getTime())
  const from = query.from ?? isoDay(Date.parse(to) - (usualDays - 1) * dayMs)
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1
  if (days < 1) throw wrong("from", "must not be after `to`")
  if (days > mostDays) throw wrong("from", `must be at most ${mostDays - 1} days before \`to\``)
  return { from, to }
}

const wrong = (field: string, detail: string) =>
  new Refusal("invalid_request", `${field}: ${detail}`, {
    errors: [{ pointer: `/${field}`, code: "invalid_value", detail }],
  })

/** In the order of the days, then of the models and keys. */
function grouped(rows: readonly UsageRow[], groups: readonly Group[]): UsageReport["data"] {
  const byName = Map.groupBy(rows, (row) => groups.map((group) => row[group]).join("|"))
  return [...byName]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]) =>
      Object.assign(Object.fromEntries(groups.map((group) => [group, members[0]?.[group]])), sum(members)),
    )
}

/** Summed up before it is divided, so that rows and jobs agree to the last digit that is shown. */
function sum(rows: readonly UsageRow[]): Counts {
  const all = (pick: (row: UsageRow) => number): number => rows.reduce((total, row) => total + pick(row), 0)
  const isUnpriced = rows.some(({ unpricedCalls }) => unpricedCalls > 0)
  return {
    images: all(({ images }) => images),
    calls: all(({ calls }) => calls),
    input_tokens: all(({ input }) => input),
    output_tokens: all(({ output }) => output),
    cost_usd: isUnpriced ? null : toUsd(all(({ costNanoUsd }) => costNanoUsd)),
    failures: all(({ failures }) => failures),
  }
}

const budget = (budgetUsd: number | null, spentUsd: number, resetsAt: Date) =>
  budgetUsd === null
    ? null
    : { budget_usd: budgetUsd, spent_usd: spentUsd, resets_at: resetsAt.toISOString() }

const nextDay = (now: Date) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1))
const nextMonth = (now: Date) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
