import type { Scripts } from "./scripts.ts"

/** One key of the upstream with one model, as all workers know it together. */
export type KnownAccount = {
  model: string
  /** A hash of the key and its address. */
  account: string
  /** In the last window. */
  calls: number
  limit: number | null
  windowMs: number
  callsToday: number
  /** Why it takes no calls, and until when. */
  blocked: { by: string; until: Date } | null
}

type Row = [
  account: string,
  calls: number,
  limit: number | "",
  windowMs: number,
  today: number,
  until: string,
  why: string,
]

/** What an operator sees and does of the upstream's accounts. */
export function createUpstreamAccounts({ scripts }: { scripts: Scripts }) {
  return {
    /** Those of these models that workers spoke of in the last minute. */
    async accounts(models: readonly string[]): Promise<KnownAccount[]> {
      const answer = (await scripts.run("accounts", ...models)) as [model: string, rows: Row[]][]
      return answer.flatMap(([model, rows]) => rows.map((row) => decodeAccount(model, row)))
    },

    /** Ends the parks of these models' accounts, or of one account; answers what that set free. */
    async resumeAccounts(
      models: readonly string[],
      account?: string,
    ): Promise<{ accounts: number; jobs: number }> {
      const accounts = (await scripts.run("resume-accounts", account ?? "", ...models)) as number
      let jobs = 0
      let cursor = "0"
      do {
        const [next, resumed] = (await scripts.run("resume-jobs", cursor, ...models)) as [string, number]
        jobs += resumed
        cursor = next
      } while (cursor !== "0")
      return { accounts, jobs }
    },
  }
}

function decodeAccount(
  model: string,
  [account, calls, limit, windowMs, callsToday, until, by]: Row,
): KnownAccount {
  return {
    model,
    account,
    calls,
    limit: limit === "" ? null : limit,
    windowMs,
    callsToday,
    blocked: until === "" ? null : { by, until: new Date(Number(until)) },
  }
}
