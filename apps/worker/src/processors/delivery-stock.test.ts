import assert from "node:assert/strict"
import { test } from "node:test"

import type { TakenDelivery } from "@kiln/ledger"

import { createDeliveryStock } from "./delivery-stock.ts"

const deliveries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `dlv_${n}` }) as TakenDelivery)
const idsOf = (some: readonly TakenDelivery[]) => some.map(({ id }) => id)

/** A stock with four places, whose sending ends when the test says so. */
function stocked() {
  const sending: { id: string; end: () => void }[] = []
  let rooms = 0
  const stock = createDeliveryStock({
    places: 4,
    send({ id }) {
      const { promise, resolve } = Promise.withResolvers<void>()
      sending.push({ id, end: resolve })
      return promise
    },
    onRoom: () => (rooms += 1),
  })
  return { stock, sending, sent: () => sending.map(({ id }) => id), rooms: () => rooms }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test("without more that is due it asks for as many as there are places", async () => {
  const { stock, sending, rooms } = stocked()
  assert.equal(stock.room(), 4)
  stock.add(deliveries(3), { isAll: true, now: 0 })
  assert.equal(stock.room(), 1)
  sending[0]?.end()
  await turn()
  assert.deepEqual([stock.room(), rooms()], [2, 0])
})

test("while more is due the next ones are sent at once, and asked for before they are needed", async () => {
  const { stock, sending, sent, rooms } = stocked()
  stock.add(deliveries(4), { isAll: false, now: 0 })
  assert.equal(stock.room(), 4)
  stock.add(deliveries(8).slice(4), { isAll: false, now: 0 })
  assert.deepEqual([sent().length, stock.room()], [4, 0])
  sending[0]?.end()
  await turn()
  assert.deepEqual([sent().at(-1), stock.room(), rooms()], ["dlv_4", 0, 0])
  sending[1]?.end()
  await turn()
  assert.deepEqual([sent().at(-1), stock.room(), rooms()], ["dlv_5", 2, 1])
})

test("what has waited for a place too long is given up, and no stock is kept until places run out again", () => {
  const { stock } = stocked()
  stock.add(deliveries(6), { isAll: false, now: 0 })
  stock.add(deliveries(7).slice(6), { isAll: false, now: 900 })
  assert.deepEqual(stock.giveUp(999), [])
  assert.deepEqual(idsOf(stock.giveUp(1_000)), ["dlv_4", "dlv_5"])
  assert.equal(stock.room(), 0)
  assert.deepEqual(idsOf(stock.giveUp()), ["dlv_6"])
  assert.equal(stock.room(), 0)
})
