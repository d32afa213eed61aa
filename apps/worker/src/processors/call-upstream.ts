import { randomUUID } from "node:crypto"

import { JobFailure, type ModelEntry } from "@kiln/contract"
import { CallAborted, CallHeld, type Painted } from "@kiln/jobs"
import type { Spent } from "@kiln/ledger"
import type { Held, Quota } from "@kiln/quota"

import type { CallLimits } from "../call-limits.ts"
import { insist, untilMendedMs } from "../insist.ts"
import type { Asking } from "./conversation.ts"
import type { ImageWork } from "./image-work.ts"
import { spentOn } from "./spent-on.ts"

export type CallUpstream = {
  quota: Pick<Quota, "take">
  limits: CallLimits
  /** Whether images can be refined with all that was said. */
  keepTurns: boolean
}

/** Calls with an account that has a call left; when one refuses, another may have. */
export async function callUpstream(
  work: ImageWork,
  asked: Asking,
  target: string,
  deps: CallUpstream,
): Promise<Painted> {
  const { model, prompt, run, spend } = work
  const { inputs, history } = asked
  const request = { model, prompt, inputs, history, parameters: work.record.spec.parameters }
  return deps.limits.run(model, run.stop, async () => {
    for (let refusal: JobFailure | undefined; ;) {
      const taken = await takeCall(work, deps)
      if (taken.kind === "held") throw heldBack(taken, refusal)
      try {
        const painted = await taken.paint(request, {
          target,
          signal: run.stop,
          keepReply: deps.keepTurns,
          onSent: () => taken.sent(),
        })
        await taken.end()
        return painted
      } catch (error) {
        spend(spentInVain(error, model))
        if (!(await taken.end(error))) throw error
        refusal = JobFailure.from(error)
      }
    }
  })
}

/** A refusal that names no quota may be about this call alone: it costs the job an attempt. */
function heldBack(held: Held, refusal: JobFailure | undefined): Error {
  const isUnexplained = refusal?.code === "upstream_quota_exhausted" && refusal.quota === undefined
  return isUnexplained ? refusal : new CallHeld({ ...held, refusal })
}

async function takeCall(
  { model, record: job, isFurther, index, run, log }: ImageWork,
  { quota }: CallUpstream,
) {
  const asked = { model, job: job.id, call: randomUUID(), isFurther, signal: run.stop }
  return insist(() => quota.take(asked), {
    signal: run.stop,
    lastTry: run.leaving,
    forMs: untilMendedMs,
    onError: (error) => {
      if (!run.stop.aborted) log.warn({ err: error, index }, "no call taken yet")
    },
  })
}

/** What a call used that gave no image; one that was dropped before it was sent is none. */
function spentInVain(error: unknown, model: ModelEntry): Spent {
  if (error instanceof JobFailure && error.tokens) return spentOn(error.tokens, model)
  const wasAsked =
    error instanceof CallAborted ? error.charged !== "no" : !(error instanceof JobFailure) || error.wasAsked
  const calls = wasAsked ? 1 : 0
  return { calls, input: 0, output: 0, costNanoUsd: 0 }
}
