import { nextPacificMidnight, type Account, type BlockedBy, type CallAnswer, type CallEnd } from "@kiln/jobs"

import type { Scripts } from "./scripts.ts"

/** A call that was taken: whose it is and when. */
export type TakenCall = { model: string; account: Account; call: string; at: number }

/** How long accounts count that no worker speaks of any more. */
const offerMs = 60_000

/** The upstream's quotas, shared by all workers: who may call when, and what refusals teach. */
export function createUpstreamCalls({ scripts }: { scripts: Scripts }) {
  return {
    /** Says which accounts a model has, again and again; `frees` ends their parks, such as when a worker starts. */
    async offerAccounts(model: string, accounts: readonly Account[], options: { frees: boolean }) {
      await scripts.run("offer-accounts", model, offerMs, options.frees ? "1" : "", ...accounts.map(written))
    },

    /**
     * Takes a call of one of the accounts, at most `aheadMs` from now. `call` names it: asking again under the same
     * name gives the same answer. A job's further calls are not taken ahead while others wait for theirs.
     */
    async takeCall(asked: {
      model: string
      job: string
      call: string
      isFurther: boolean
      aheadMs: number
      accounts: readonly Account[]
    }): Promise<CallAnswer> {
      const answer = (await scripts.run(
        "take-call",
        asked.model,
        asked.job,
        asked.call,
        asked.isFurther ? "1" : "",
        asked.aheadMs,
        nextPacificMidnight(new Date()).getTime(),
        offerMs,
        ...asked.accounts.map(written),
      )) as ["go", string, number, string, number] | ["wait", BlockedBy, number]
      if (answer[0] === "wait") return { kind: "wait", blockedBy: answer[1], inMs: answer[2] }
      const [kind, project, inMs, at, probes] = answer
      return { kind, project, inMs, at: Number(at), isProbe: probes === 1 }
    },

    /** Gives a call back when its account was closed since it was taken; answers whether it may still be sent. */
    async isDue(taken: TakenCall): Promise<boolean> {
      return (await scripts.run("end-call", ...namesOf(taken), "due", "", "")) === 1
    },

    /** Writes down what came of a call. */
    async endCall(taken: TakenCall, end: CallEnd): Promise<void> {
      await scripts.run("end-call", ...namesOf(taken), end.kind, ...detailsOf(end))
    },
  }
}

/** The words of quota.lua: nothing stands for what is not known. */
const written = ({ project, rpm, rpd, windowMs }: Account) =>
  `${project}|${rpm ?? ""}|${rpd ?? ""}|${windowMs}`

const namesOf = ({ model, account, call, at }: TakenCall) => [model, written(account), call, at] as const

function detailsOf(end: CallEnd): [string | number, string | number] {
  if (end.kind === "refused") return [end.retryAfterMs ?? "", end.limit ?? ""]
  return end.kind === "parked" ? [end.blockedBy, end.until?.getTime() ?? ""] : ["", ""]
}
