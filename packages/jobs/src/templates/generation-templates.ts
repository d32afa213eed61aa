import type { TemplateRequest } from "@kiln/contract"

/** Templates for pictures that are made from words alone, after the prompting strategies of the upstream's guide. */
export const generationTemplates = {
  photorealistic: {
    name: "Photorealistic scene",
    description:
      "A picture that looks like a photograph: says what a photographer would decide, from the shot to the lens and the light.",
    type: "generation",
    prompt:
      "A photorealistic {shot} of {subject}, {action}, in {setting}. The scene is lit by {lighting}, which gives it a {mood} mood. It is captured with {camera} and shows the fine texture of {details}.",
    variables: [
      { name: "subject", description: "Who or what is seen", default: null, example: "an elderly potter" },
      {
        name: "action",
        description: "What the subject does, or how it is placed",
        default: null,
        example: "inspecting a freshly glazed tea bowl",
      },
      {
        name: "setting",
        description: "Where it is",
        default: null,
        example: "a rustic workshop with shelves of clay pots",
      },
      {
        name: "details",
        description: "Surfaces to show closely",
        default: null,
        example: "clay and worn linen",
      },
      {
        name: "shot",
        description: "How near the camera is: close-up, medium shot, wide shot",
        default: "medium shot",
        example: "close-up portrait",
      },
      {
        name: "lighting",
        description: "Where the light comes from and how it is",
        default: "soft natural light from a window",
        example: "soft golden-hour light through a window",
      },
      { name: "mood", description: "What one should feel", default: "calm", example: "serene" },
      {
        name: "camera",
        description: "Lens and focus",
        default: "a 50 mm lens at a moderate aperture",
        example: "an 85 mm portrait lens and a softly blurred background",
      },
    ],
  },
  sticker: {
    name: "Sticker or icon",
    description: "A drawn figure with a clear outline on a plain background, to be cut out.",
    type: "generation",
    prompt:
      "A {style} sticker of {subject}, {action}. The design has {line_style}, {shading} and a {palette} colour palette. The whole figure is inside the frame on a plain {background} background.",
    variables: [
      {
        name: "subject",
        description: "The figure",
        default: null,
        example: "a happy red panda in a bamboo hat",
      },
      { name: "action", description: "What it does", default: null, example: "munching a green bamboo leaf" },
      { name: "style", description: "Kind of drawing", default: "kawaii", example: "kawaii" },
      {
        name: "line_style",
        description: "How the outlines are drawn",
        default: "bold, clean outlines",
        example: "bold, clean outlines",
      },
      {
        name: "shading",
        description: "How volume is shown",
        default: "simple cel shading",
        example: "cel shading",
      },
      { name: "palette", description: "Colours", default: "vibrant", example: "warm red and green" },
      { name: "background", description: "One plain colour", default: "white", example: "white" },
    ],
  },
  "text-in-image": {
    name: "Text in the image",
    description:
      "A logo, poster or cover whose words have to be spelled right: the text stands in quotation marks.",
    type: "generation",
    prompt:
      'Create a {style} {image_type} for {brand} with the text "{text}" in {font}. The design includes {elements} and has a colour scheme of {colors}.',
    variables: [
      { name: "text", description: "The very words to write", default: null, example: "The Daily Grind" },
      {
        name: "brand",
        description: "Who or what it is for",
        default: null,
        example: "a neighbourhood coffee shop",
      },
      {
        name: "image_type",
        description: "What is designed: logo, poster, menu, book cover",
        default: "logo",
        example: "logo",
      },
      {
        name: "style",
        description: "Manner of the design",
        default: "modern, minimalist",
        example: "modern, minimalist",
      },
      {
        name: "font",
        description: "How the letters look, described rather than named",
        default: "a clean, bold sans-serif typeface",
        example: "a clean, bold sans-serif typeface",
      },
      {
        name: "elements",
        description: "What is seen beside the text",
        default: "one simple, recognisable symbol",
        example: "a coffee bean that is part of one letter",
      },
      { name: "colors", description: "Colours", default: "black and white", example: "black and cream" },
    ],
  },
  "product-mockup": {
    name: "Product photograph",
    description: "A product as in a studio, for a shop or an advertisement.",
    type: "generation",
    prompt:
      "A high-resolution, studio-lit product photograph of {product} on {surface}. The lighting is {lighting}, chosen to {purpose}. The camera is at {angle} and shows {feature} in sharp focus.",
    variables: [
      {
        name: "product",
        description: "The product with its material and colour",
        default: null,
        example: "a minimalist ceramic coffee mug in matte black",
      },
      {
        name: "feature",
        description: "What must be seen well",
        default: "the shape and the material of the product",
        example: "the steam that rises from the coffee",
      },
      {
        name: "surface",
        description: "What it stands on",
        default: "a seamless white surface",
        example: "polished concrete",
      },
      {
        name: "lighting",
        description: "Lamps and how they are set",
        default: "a three-point softbox setup",
        example: "a three-point softbox setup",
      },
      {
        name: "purpose",
        description: "What the light is to do",
        default: "give soft, diffused highlights and gentle shadows",
        example: "give soft highlights and gentle shadows",
      },
      {
        name: "angle",
        description: "Where the camera is",
        default: "a slightly elevated 45-degree angle",
        example: "a slightly elevated 45-degree angle",
      },
    ],
  },
  "negative-space": {
    name: "Negative space",
    description: "A quiet picture with much room for a headline, for banners, slides and websites.",
    type: "generation",
    prompt:
      "A minimalist composition with {subject} in the {position} of the frame. The rest is a vast, empty {background} canvas, which leaves much negative space for text to be added later. Soft light comes from {light_from}.",
    variables: [
      {
        name: "subject",
        description: "The one thing that is seen",
        default: null,
        example: "a single red maple leaf",
      },
      {
        name: "position",
        description: "Where it is: bottom right, top left, left third",
        default: "bottom right",
        example: "bottom right",
      },
      {
        name: "background",
        description: "Colour of the empty part",
        default: "off-white",
        example: "off-white",
      },
      {
        name: "light_from",
        description: "Side the light comes from",
        default: "the top left",
        example: "the top left",
      },
    ],
  },
  "comic-panel": {
    name: "Comic panel",
    description: "One panel of a story: who, where, and a caption in quotation marks.",
    type: "generation",
    prompt:
      'A single comic book panel in {style} style. In the foreground, {character}. In the background, {setting}. A caption box at the top reads "{caption}". The lighting makes a {mood} mood.',
    variables: [
      {
        name: "character",
        description: "Who is in front, and what they do",
        default: null,
        example: "a detective in a trench coat stands under a flickering street lamp",
      },
      {
        name: "setting",
        description: "What is behind",
        default: null,
        example: "the neon lights of a bar shimmer in a puddle",
      },
      {
        name: "caption",
        description: "The very words in the box",
        default: null,
        example: "The city kept its secrets.",
      },
      {
        name: "style",
        description: "Manner of the drawing",
        default: "gritty noir ink",
        example: "gritty noir ink",
      },
      { name: "mood", description: "What one should feel", default: "dramatic", example: "sombre" },
    ],
  },
} as const satisfies Record<string, TemplateRequest>
