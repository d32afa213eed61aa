/** A piece of advice on prompts, as the page shows it and as warnings link to it. */
export type GuidanceTopic = {
  title: string
  advice: string
  examples: readonly { write: string; not: string }[]
}

export const guidanceTopics = {
  keyword_list: {
    title: "Describe the scene instead of listing keywords",
    advice:
      "The models understand language. A sentence that says what is where, in which light and in which manner gives a more coherent picture than keywords with commas between them, however many there are.",
    examples: [
      {
        not: "cat, hat, restaurant, night, 4k, masterpiece",
        write:
          "A grey cat with a small felt hat sits at a table of a dim restaurant at night, lit by a single candle, as a detailed photograph.",
      },
    ],
  },
  negative_wording: {
    title: "Say what is to be seen, instead of what is not",
    advice:
      "Naming a thing puts it before the model's eyes, even after a “no” or a “without”, and there is no separate negative prompt. Describe the picture that you want as if the other thing had never come up. Looked for in English only.",
    examples: [
      { not: "A street, no cars", write: "A deserted street, quiet and empty in the early morning" },
      { not: "A mug without a background", write: "A mug on a plain white background" },
    ],
  },
  language_unsupported: {
    title: "Write in a language that the models know well",
    advice:
      "The models are at their best in English, and in Arabic (Egypt), German, Spanish (Mexico), French, Hindi, Indonesian, Italian, Japanese, Korean, Portuguese (Brazil), Russian, Ukrainian, Vietnamese and Chinese (mainland). Other languages often work, but less is understood. Kiln tells them by their letters, so it notices Thai and Greek, but neither Polish nor Turkish. Text that is to stand in the picture may be in any script: put it in quotation marks.",
    examples: [
      { not: "ένα κόκκινο ποδήλατο δίπλα στη θάλασσα", write: "A red bicycle beside the sea" },
      { not: "ป้ายร้านกาแฟ", write: "A wooden sign of a café that reads “กาแฟ”" },
    ],
  },
  many_inputs: {
    title: "Give no more images than the model can keep apart",
    advice:
      "Every model takes more input images than it can follow closely: beyond the number that `GET /v1/models` tells as best_input_images, faces, logos and small details drift. Leave out what the prompt does not speak of, or compose in two steps: first some of the images, then the result with the others.",
    examples: [
      {
        not: "Twelve product photos for one picture of a shelf",
        write: "Six of them first, then the picture of these with the other six",
      },
    ],
  },
  audio_or_video: {
    title: "Give pictures, not recordings",
    advice:
      "Input images are PNG, JPEG, WebP, HEIC, HEIF, AVIF, TIFF or GIF, told by their first bytes whatever name they have. Audio and video are refused before anything is spent. Of a video, take the frame that matters and send that.",
    examples: [
      { not: "holiday.mp4", write: "A frame of it: ffmpeg -ss 12 -i holiday.mp4 -frames:v 1 frame.png" },
    ],
  },
  unquoted_text: {
    title: "Put the words that are to be written in quotation marks",
    advice:
      "Text in quotation marks is spelled as it stands and set apart from the description around it. Say too how the letters look and where they are. Looked for in English only.",
    examples: [
      {
        not: "A neon sign reading open all night",
        write: "A neon sign that reads “Open all night” in a flowing pink script",
      },
    ],
  },
} as const satisfies Record<string, GuidanceTopic>
export type GuidanceCode = keyof typeof guidanceTopics

/** Where an API tells more of it; its own address goes before that. */
export const guidancePath = (code: GuidanceCode): string => `/docs/guidance#${code}`

export const isGuidanceCode = (code: string): code is GuidanceCode => Object.hasOwn(guidanceTopics, code)
