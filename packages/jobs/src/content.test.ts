import assert from "node:assert/strict"
import test from "node:test"

import type { ContentPiece } from "@kiln/contract"

import { contentOf, imagesIn, layOut } from "./content.ts"

const text = (words: string): ContentPiece => ({ type: "text", text: words })
const image = (output: number): ContentPiece => ({ type: "image", output })

test("content comes back as it was laid out, whatever its words are", () => {
  const content = [text("First 🥘, t3,i1"), image(0), text("\n\nThen"), text("."), image(1)]
  const laid = layOut(content)
  assert.equal(laid.text, "First 🥘, t3,i1\n\n\n\nThen\n\n.")
  assert.deepEqual(contentOf(laid, [0, 1]), content)
  assert.deepEqual(imagesIn(laid.layout), [0, 1])
  assert.deepEqual(contentOf(layOut([]), []), [])
})

test("what more was made comes last, what is not there is left out", () => {
  const laid = layOut([text("One"), image(0), text("Two"), image(1)])
  assert.deepEqual(contentOf(laid, [1, 2]), [text("One"), text("Two"), image(1), image(2)])
  assert.deepEqual(contentOf({ ...laid, text: null }, [0, 1]), [image(0), image(1)])
})
