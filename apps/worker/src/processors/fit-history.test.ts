import assert from "node:assert/strict"
import { test } from "node:test"

import { fitHistory } from "./fit-history.ts"
import type { LoadedTurn } from "./load-turn.ts"

const turns = (count: number, { images = 0, bytes = 1 } = {}): LoadedTurn[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `${index}`,
    upstream: "here",
    history: [],
    turn: {
      inputs: Array.from({ length: images }, () => ({ contentType: "image/png", path: "" })),
      prompt: "",
      reply: [],
    },
    bytes,
  }))
const kept = (all: LoadedTurn[], newImages = 0, mostImages = 14) =>
  fitHistory(all, { newImages, mostImages }).map(({ key }) => Number(key))

test("the latest sixteen turns are said again, oldest first", () => {
  assert.deepEqual(kept(turns(3)), [0, 1, 2])
  assert.deepEqual(kept(turns(20)), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
})

test("no more images of callers than the model takes, those of the new turn among them", () => {
  assert.deepEqual(kept(turns(9, { images: 1 }), 1, 3), [7, 8])
  assert.deepEqual(kept(turns(9, { images: 2 }), 2, 3), [])
  assert.deepEqual(kept(turns(9), 3, 3).length, 9)
})

test("no more than 100 MB, and nothing where the last turn alone is more", () => {
  assert.deepEqual(kept(turns(9, { bytes: 40_000_000 })), [7, 8])
  assert.deepEqual(kept(turns(9, { bytes: 100_000_001 })), [])
})
