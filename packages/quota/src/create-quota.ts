import { setTimeout as sleep } from "node:timers/promises"

import type { ModelEntry } from "@kiln/contract"
import {
  judgeCall,
  type Account,
  type BlockedBy,
  type CallAnswer,
  type CallEnd,
  type Paint,
} from "@kiln/jobs"

import { accountsOf, type UpstreamAccount, type UpstreamOptions } from "./upstream-accounts.ts"

type TakenCall = { model: string; account: Account; call: string; at: number }

/** Where calls are counted for all workers. */
export type CallBook = {
  offerAccounts(model: string, accounts: readonly Account[], options: { frees: boolean }): Promise<void>
  takeCall(asked: {
    model: string
    job: string
    call: string
    isFurther: boolean
    aheadMs: number
    accounts: readonly Account[]
  }): Promise<CallAnswer>
  isDue(taken: TakenCall): Promise<boolean>
  endCall(taken: TakenCall, end: CallEnd): Promise<void>
}

/** A call that may be sent now, once. */
export type Call = {
  kind: "call"
  paint: Paint
  /** Says that it is about to be written: from then on the upstream counts it. */
  sent(): void
  /** Says how it ended, with the error if it failed. Answers whether its account takes no more calls now. */
  end(error?: unknown): Promise<boolean>
}
export type Held = { kind: "held"; blockedBy: BlockedBy; inMs: number }

type Asked = {
  model: ModelEntry
  job: string
  /** Unique for each call; the same name again gives the same call again. */
  call: string
  /** Whether other calls of the job go first. */
  isFurther: boolean
  signal: AbortSignal
}

export type Quota = {
  /** Takes a call, waiting a moment for it where that is all it needs; throws the signal's reason. */
  take(asked: Asked): Promise<Call | Held>
  /** Says which accounts these models have. When a worker starts, what is parked is tried again. */
  offer(models: readonly ModelEntry[], options: { frees: boolean }): Promise<void>
}

type QuotaOptions = UpstreamOptions & {
  calls: CallBook
  /** Hears of what a call said of its account. */
  onEnd: (facts: { model: string; project: string; end: CallEnd }) => void
  onError: (error: unknown) => void
}

/** A worker's slot is kept for a call that is so near; for a later one the job goes back. */
const aheadMs = 2_000

/** A call that goes so much of a window after it was taken for is counted anew; the ledger keeps four times that free. */
const lateShare = 0.0025
const leastLateMs = 10

/** The upstream's quotas: every call is taken from one of the accounts before it is sent. */
export function createQuota(options: QuotaOptions): Quota {
  const { calls } = options

  async function taken(
    account: UpstreamAccount,
    { at, isProbe, dueAt }: { at: number; isProbe: boolean; dueAt: number },
    asked: Asked,
  ) {
    const call = { model: asked.model.id, account, call: asked.call, at }
    const tolerableMs = Math.max(leastLateMs, account.windowMs * lateShare)
    const end = async (came: CallEnd) => {
      options.onEnd({ model: call.model, project: account.project, end: came })
      await calls.endCall(call, came).catch(options.onError)
    }
    return {
      kind: "call" as const,
      paint: account.paint,
      sent() {
        const lateMs = performance.now() - dueAt
        if (lateMs < tolerableMs) return
        call.at = at + lateMs
        void calls.endCall({ ...call }, { kind: "late" }).catch(options.onError)
      },
      async end(error?: unknown) {
        const came: CallEnd | undefined =
          error === undefined ? (isProbe ? { kind: "served" } : undefined) : judgeCall(error, new Date())
        if (came) await end(came)
        return came?.kind === "refused" || came?.kind === "parked"
      },
    }
  }

  return {
    async take(asked) {
      const { model, signal } = asked
      const accounts = accountsOf(model, options)
      const answer = await calls.takeCall({ ...asked, model: model.id, aheadMs, accounts })
      const answeredAt = performance.now()
      if (answer.kind === "wait") return { kind: "held", blockedBy: answer.blockedBy, inMs: answer.inMs }
      const account = accounts.find(({ project }) => project === answer.project)
      if (!account) throw new Error("A call was taken of an account that was not asked for")
      const due = { ...answer, dueAt: answeredAt + answer.inMs }
      if (answer.inMs === 0) return taken(account, due, asked)
      const call = { model: model.id, account, call: asked.call, at: answer.at }
      try {
        await sleep(answer.inMs, undefined, { signal })
      } catch {
        await calls.endCall(call, { kind: "unsent" }).catch(options.onError)
        throw signal.reason
      }
      if (await calls.isDue(call)) return taken(account, due, asked)
      return { kind: "held", blockedBy: "upstream_rpm", inMs: aheadMs }
    },

    async offer(models, { frees }) {
      await Promise.all(
        models.map((model) => calls.offerAccounts(model.id, accountsOf(model, options), { frees })),
      )
    },
  }
}
