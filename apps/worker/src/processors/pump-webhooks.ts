import type { Ledger, TakenDelivery } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"

import { createBell, type Bell } from "../bell.ts"
import { every } from "../every.ts"
import type { Sending } from "./deliver-webhook.ts"
import { createDeliveryStock } from "./delivery-stock.ts"

type Deps = {
  deliveries: Pick<Ledger["deliveries"], "take" | "giveBack" | "reap">
  deliver: (delivery: TakenDelivery, sending: Sending) => Promise<void>
  /** Deliveries on their way at once, of all endpoints together; as many more may be waiting to be written down. */
  concurrency: number
  /** Of one endpoint, in all workers. */
  slots: number
  /** How long a delivery is this worker's; longer than a try takes. */
  leaseMs: number
  log: Logger
}

export type WebhookPump = AsyncDisposable & {
  /** Something may be due. */
  wake(): void
  /** Takes nothing more and waits for what is on its way; what is still there when it is aborted is given back. */
  close(handBack: AbortSignal): Promise<void>
}

/** A hint may be lost: without one it is looked this often. */
const longestPauseMs = 1_000
/** Whatever the ledger says, when it gave nothing. */
const shortestPauseMs = 20
const reapMs = 1_000
const mostAtOnce = 64

/**
 * Takes deliveries that are due, as many as there are slots for, in turn over their endpoints: which are due, and whose
 * turn it is, the ledger says.
 */
export function startWebhookPump(deps: Deps): WebhookPump {
  const { deliveries, concurrency, slots, leaseMs, log } = deps
  const bell = createBell()
  const handBack = new AbortController()
  const running = new Set<Promise<void>>()
  const closed = new AbortController()
  const stock = createDeliveryStock({ places: concurrency, send, onRoom: () => bell.ring() })

  /** Resolves when a place is free again; what is written down after that goes on in `running`. */
  async function send(delivery: TakenDelivery): Promise<void> {
    const { id, endpoint } = delivery
    const sent = Promise.withResolvers<void>()
    const run = deps
      .deliver(delivery, { stop: handBack.signal, onSent: sent.resolve })
      .catch((error: unknown) => {
        log.error({ err: error, delivery: id, endpoint }, "a delivery broke off, it is sent again")
      })
      .finally(() => {
        sent.resolve()
        running.delete(run)
        bell.ring()
      })
    running.add(run)
    return sent.promise
  }

  async function giveBack(some: readonly TakenDelivery[]): Promise<void> {
    await Promise.all(some.map((delivery) => deliveries.giveBack(delivery)))
  }

  /** Gives the milliseconds until it is worth looking again. */
  async function takeSome(): Promise<number> {
    await giveBack(stock.giveUp(Date.now()))
    const most = Math.min(stock.room(), 3 * concurrency - running.size, mostAtOnce)
    if (most <= 0) return longestPauseMs
    const { taken, unreadable, nextInMs } = await deliveries.take({ most, slots, leaseMs })
    stock.add(taken, { isAll: taken.length < most, now: Date.now() })
    if (unreadable > 0)
      log.error({ unreadable }, "deliveries cannot be read: is it the same KILN_SECRET_KEY?")
    const pauseMs = Math.min(nextInMs ?? longestPauseMs, longestPauseMs)
    return taken.length > 0 ? pauseMs : Math.max(pauseMs, shortestPauseMs)
  }

  const pumping = pump({ takeSome, bell, closed: closed.signal, log })
  const reaper = every(async () => reap(deliveries, log), {
    periodMs: reapMs,
    onTrouble: (error) => {
      if (error) log.error({ err: error, round: "webhooks" }, "round failed")
    },
  })

  async function close(signal: AbortSignal): Promise<void> {
    closed.abort()
    bell.ring()
    await pumping
    await giveBack(stock.giveUp()).catch(() => {})
    await reaper[Symbol.asyncDispose]()
    if (signal.aborted) handBack.abort()
    else signal.addEventListener("abort", () => handBack.abort(), { once: true })
    await Promise.all(running)
  }
  return { wake: () => bell.ring(), close, [Symbol.asyncDispose]: () => close(AbortSignal.abort()) }
}

type Pumping = { takeSome: () => Promise<number>; bell: Bell; closed: AbortSignal; log: Logger }

async function pump({ takeSome, bell, closed, log }: Pumping): Promise<void> {
  let troubled = false
  while (!closed.aborted) {
    let pauseMs = longestPauseMs
    try {
      pauseMs = await takeSome()
      troubled = false
    } catch (error) {
      if (!troubled) log.error({ err: error }, "deliveries cannot be taken")
      troubled = true
    }
    if (pauseMs > 0 && !closed.aborted) await bell.rings(pauseMs)
  }
}

async function reap(deliveries: Deps["deliveries"], log: Logger): Promise<void> {
  const { lost, removed } = await deliveries.reap()
  if (lost > 0) log.warn({ deliveries: lost }, "deliveries of a worker that died are sent again")
  if (removed > 0) log.info({ deliveries: removed }, "removed deliveries past their retention")
}
