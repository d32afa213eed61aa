import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { suite, test } from "node:test"

import { guidanceOf, guidanceOnInputs } from "./guidance.ts"
import { guidanceTopics, type GuidanceCode } from "./guidance/topics.ts"
import { createModels } from "./models.ts"
import { renderTemplate } from "./render-template.ts"
import { builtInTemplates } from "./templates/built-in-templates.ts"

const codesOf = (prompt: string) => guidanceOf(prompt).map(({ code }) => code)

type PromptCode = Exclude<GuidanceCode, "many_inputs" | "audio_or_video">

const cases: Record<PromptCode, { warned: readonly string[]; fine: readonly string[] }> = {
  keyword_list: {
    warned: [
      "cat, hat, restaurant, night, 4k",
      "red bicycle, beach, sunset, cinematic lighting, 8k, ultra detailed",
      "masterpiece, best quality, long hair, blue eyes, smiling, standing on a beach at dawn",
      "logo, coffee, minimal, black, white.",
      "Mug, red, ceramic, studio light",
      "portrait; old man; wrinkles; dramatic light; film grain",
      "Katze, Hut, Restaurant, Kerzenlicht",
      "gato, sombrero, restaurante, noche, luz cálida",
      "forest\nfog\nmorning light\ndeer\nhyperrealistic",
      "hyperrealistic, robot, city, rain, trending on artstation",
    ],
    fine: [
      "A red mug on a wooden table, morning light",
      "a fox",
      "sunset",
      "A cat, a dog, a horse and a cow stand in a row on a meadow",
      "A wide, quiet street, wet from rain, lit by one lamp, with a cyclist in the distance",
      "red, green and blue marbles",
      'A sign with the words "red, green, blue, yellow"',
      "Three soy candles in amber glass jars, on a walnut tray, warm evening light, from above",
      "Eine Katze, die einen Hut trägt, sitzt in einem Restaurant, nachts",
      "Un gato, con un sombrero, en un restaurante, de noche",
      "猫、帽子、レストラン、夜",
      "Paint this: fox, hen, goose, dog. They sit around a table.",
    ],
  },
  negative_wording: {
    warned: [
      "A street, no cars",
      "A city square without people at dawn",
      "A mug on a table. Don't include text.",
      "A portrait of a sailor, do not show the hands",
      "A landscape with no buildings",
      "A bowl of soup. Avoid garnish and cutlery.",
      "A castle on a hill --no clouds",
      "A red barn. Negative prompt: blurry, low quality",
      "A meadow in spring, but please exclude animals",
      "There should be no watermark on the picture of a lake",
      "The logo must not contain gradients",
      "An office with NO people",
      "Do not make changes to the face, and do not add text",
      "A hall without furniture, seen without cropping the ceiling",
    ],
    fine: [
      "A deserted street, quiet and empty in the early morning",
      'A red sign that says "No cars" at the start of a path',
      "A no parking sign on a brick wall",
      "A no-frills kitchen with white tiles",
      "Bottle of perfume, Chanel No 5, on black velvet",
      "A young woman carefully avoiding a puddle in the rain",
      "A child trying to avoid the waves on a beach",
      "A portrait of Dr. No in a white suit",
      "A plate of sugar-free biscuits on a blue cloth",
      "Um gato no jardim de uma casa branca",
      "Un perro que no ladra duerme en la calle",
      "An endless road, without end, towards the mountains",
      "A soldier in no man's land at dusk",
      "Two buttons for yes or no on a machine",
      "A nocturne, with notes that float above a piano",
      "Words on a wall: ‘no more lonely nights’",
      "Make the wallet brown without changing its stitching or logo",
      "Put the vase on a shelf, without any changes to its pattern",
      "Replace the sky with a clear sunset, with no other changes",
      "Turn the sofa green. Do not make any other changes.",
      "Brighten the photo, but avoid altering the skin tones",
      "A jar of peanut butter with no added sugar on a breakfast table",
      "Put the cup on a saucer, and please don't add anything else",
      "Straighten the horizon; no need to keep the frame's edges",
    ],
  },
  language_unsupported: {
    warned: [
      "แมวใส่หมวกนั่งอยู่ในร้านอาหาร",
      "חתול עם כובע יושב במסעדה",
      "Μια γάτα με καπέλο κάθεται σε ένα εστιατόριο",
      "კატა ქუდით ზის რესტორანში",
      "தொப்பி அணிந்த பூனை உணவகத்தில் அமர்ந்திருக்கிறது",
      "টুপি পরা একটি বিড়াল রেস্তোরাঁয় বসে আছে",
      "Կատուն գլխարկով նստած է ռեստորանում",
      "ឆ្មាពាក់មួកអង្គុយក្នុងភោជនីយដ្ឋាន",
      "แก้วกาแฟ KILN บนโต๊ะไม้",
      "یک گربه با کلاه در رستوران نشسته و کتاب می‌خواند",
      "ایک بلی ٹوپی پہنے ہوئے ریستوران میں بیٹھی ہے",
      "Мачка са шеширом седи у ресторану, љути се и једе њоке",
      "Қалпақ киген мысық мейрамханада отыр",
      "Κόκκινο ποδήλατο, 4k",
    ],
    fine: [
      "A cat with a hat sits in a restaurant",
      "قطة ترتدي قبعة تجلس في مطعم في القاهرة",
      "टोपी पहने एक बिल्ली रेस्तरां में बैठी है",
      "帽子をかぶった猫がレストランでコーヒーを飲んでいる",
      "모자를 쓴 고양이가 식당에 앉아 있다",
      "Кот в шляпе сидит в ресторане",
      "Кіт у капелюсі сидить у ресторані, їсть ґречку",
      "一只戴帽子的猫坐在餐厅里",
      "Con mèo đội mũ ngồi trong nhà hàng",
      "Ein Bär mit Hut sitzt im Café",
      "Kot w kapeluszu siedzi w restauracji",
      'A shop front with the Greek word "ΚΑΛΗΜΕΡΑ ΣΑΣ ΦΙΛΟΙ" above the door',
      "A diagram of an α-helix beside a β-sheet",
      "A sign with the Hebrew word שלום on a wooden door in old Jaffa",
      "🦊🦊🦊🦊🦊",
      "1234 5678",
    ],
  },
  unquoted_text: {
    warned: [
      "A neon sign reading open all night",
      "A poster that says Save the Whales",
      "A mug which reads good morning",
      "A birthday cake with the words happy birthday Anna",
      "A storefront with a sign saying Fresh Bread",
      "Cookies that form the word love",
      "A book cover with the title The Long Winter",
      "A flyer for a fair. Headline: Spring Sale",
      "A comic panel with a caption that reads the city never slept",
      "Glass jars labelled Salt and Pepper",
      "A film poster titled Harbour Jazz",
      "A t-shirt saying just do it",
      "A banner with the slogan work less",
      "A card, with the text: get well soon",
      "A wooden sign above a door says Welcome Home",
    ],
    fine: [
      'A neon sign that reads "open all night"',
      "A poster with the words “Save the Whales” in bold letters",
      "A man reading a newspaper under a tree",
      "A poster of a girl reading a book",
      "A couple saying goodbye at a station",
      "A wide landscape with much room for a headline at the top",
      "A banner with space for text on the left",
      "A page full of text in tiny print",
      "A desk with the word processor open on a screen",
      "A logo with the title at the top in bold letters",
      "A woman in a cap reads the menu of a restaurant",
      "A label with the text 'Olive oil' in green",
      "The words of a poet drift over the sea as birds",
      "A ship named Victoria in a storm",
      "A sign beside a road in the desert",
      "A sign next to a man reading Tolstoy",
      "A street sign at a crossing in Kyoto, worn and rusty",
      "Text: none",
      "A child writes letters at a kitchen table",
      "A box that reads as natural and precious, of kraft paper with a green ribbon",
    ],
  },
}

for (const [code, { warned, fine }] of Object.entries(cases)) {
  suite(code, () => {
    for (const prompt of warned) {
      test(`warns of: ${prompt}`, () => assert.ok(codesOf(prompt).includes(code), codesOf(prompt).join()))
    }
    for (const prompt of fine) {
      test(`is silent on: ${prompt}`, () =>
        assert.ok(!codesOf(prompt).includes(code), codesOf(prompt).join()))
    }
  })
}

test("a warning is one sentence, and names the words that it is about", () => {
  const [warning] = guidanceOf("A street, no cars")
  assert.match(warning?.detail ?? "", /"no cars".*\.$/)
  const [language] = guidanceOf("แมวใส่หมวก")
  assert.match(language?.detail ?? "", /Thai/)
})

test("more images than the model keeps apart are warned of, by its own number", () => {
  const models = createModels({ defaultModel: "gemini-3-pro-image" })
  const codes = (name: string, inputs: number) =>
    guidanceOnInputs(models.resolve(name, new Date()).model, inputs).map(({ code }) => code)
  assert.deepEqual(codes("gemini-3-pro-image", 6), [])
  assert.deepEqual(codes("gemini-3-pro-image", 7), ["many_inputs"])
  assert.deepEqual(codes("gemini-nano-banana-2.1", 7), [])
  assert.deepEqual(codes("gemini-nano-banana-2.1", 11), ["many_inputs"])
  const [{ detail } = { detail: "" }] = guidanceOnInputs(
    models.resolve("gemini-3-pro-image", new Date()).model,
    9,
  )
  assert.match(detail, /9 images; gemini-3-pro-image .* 6 /)
})

test("a prompt may have several faults at once", () => {
  assert.deepEqual(codesOf("sign, cafe, night, no people"), ["keyword_list", "negative_wording"])
})

test("what the page recommends is recommended, and what it advises against is warned of", () => {
  for (const code of Object.keys(cases) as PromptCode[]) {
    const { examples } = guidanceTopics[code]
    for (const example of examples) {
      assert.ok(codesOf(example.not).includes(code), example.not)
      assert.deepEqual(codesOf(example.write), [], example.write)
    }
  }
})

test("the example prompts need no advice", () => {
  const file = readFileSync(new URL("../../../examples/prompts.ndjson", import.meta.url), "utf8")
  const prompts = file.split("\n").filter((line) => line !== "")
  assert.equal(prompts.length, 10)
  for (const line of prompts)
    assert.deepEqual(guidanceOf((JSON.parse(line) as { prompt: string }).prompt), [], line)
})

test("the built-in templates' examples and defaults need no advice", () => {
  for (const template of builtInTemplates) {
    const full = renderTemplate(template, template.example)
    assert.deepEqual(guidanceOf(full), [], full)
    const needed = template.variables.filter((variable) => variable.default === null)
    const least = renderTemplate(
      template,
      Object.fromEntries(needed.map(({ name, example }) => [name, example])),
    )
    assert.deepEqual(guidanceOf(least), [], least)
  }
})

test("a prompt of any length and any marks is looked at", () => {
  for (const mark of ['"', "«", "“", "'", "no ", ", ", "a,", "\ud800", "the text "]) {
    assert.ok(Array.isArray(guidanceOf(mark.repeat(32_000 / mark.length))))
  }
})
