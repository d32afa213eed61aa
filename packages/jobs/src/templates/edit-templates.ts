import type { TemplateRequest } from "@kiln/contract"

/** Templates for pictures that are made from other pictures, after the prompting strategies of the upstream's guide. */
export const editTemplates = {
  "add-remove": {
    name: "Add, remove or replace",
    description: "One change in a given image, in the image's own light and perspective.",
    type: "edit",
    prompt:
      "Using the given image of {subject}, {change}. {integration} Everything else in the image stays as it is.",
    variables: [
      { name: "subject", description: "What the image shows", default: null, example: "my cat" },
      {
        name: "change",
        description: "What to add, remove or replace, and where",
        default: null,
        example: "add a small knitted wizard hat on its head",
      },
      {
        name: "integration",
        description: "How the change fits in, as a sentence",
        default: "The change matches the light, the perspective and the style of the image.",
        example: "The hat sits comfortably and matches the soft light of the photograph.",
      },
    ],
  },
  inpaint: {
    name: "Change one element",
    description: "Another look for one element, described in words instead of a mask.",
    type: "edit",
    prompt:
      "Using the given image, change only {element} to {replacement}. Keep everything else exactly the same: {keep}, and the original style, light and composition.",
    variables: [
      { name: "element", description: "The one thing to change", default: null, example: "the blue sofa" },
      {
        name: "replacement",
        description: "What it becomes",
        default: null,
        example: "a vintage brown leather chesterfield sofa",
      },
      {
        name: "keep",
        description: "What must stay, named",
        default: "all other objects",
        example: "the pillows on the sofa and the wall behind it",
      },
    ],
  },
  "style-transfer": {
    name: "Style transfer",
    description: "The same scene in another artistic manner.",
    type: "edit",
    prompt:
      "Transform the given image of {subject} into the artistic style of {style}. Preserve the original composition, and render it with {elements}.",
    variables: [
      {
        name: "subject",
        description: "What the image shows",
        default: null,
        example: "a modern city street at night",
      },
      {
        name: "style",
        description: "An artist, a movement or a technique",
        default: null,
        example: "a Post-Impressionist oil painting",
      },
      {
        name: "elements",
        description: "What makes the style: brushwork, colours, lines",
        default: "the brushwork, colours and lines that the style is known for",
        example: "swirling, impasto brushstrokes in deep blues and bright yellows",
      },
    ],
  },
  compose: {
    name: "Compose several images",
    description: "One new scene out of elements of several given images.",
    type: "edit",
    prompt:
      "Create a new image by combining elements of the given images. Take {element} from the first image and place it {placement} from the second image. The result is {scene}, with light and shadows that agree everywhere.",
    variables: [
      {
        name: "element",
        description: "What to take from the first image",
        default: null,
        example: "the blue floral dress",
      },
      {
        name: "placement",
        description: "Where it goes in the second image",
        default: null,
        example: "on the woman",
      },
      {
        name: "scene",
        description: "What the new image shows",
        default: "one believable photograph",
        example: "a full-length fashion photograph outdoors in daylight",
      },
    ],
  },
  "preserve-detail": {
    name: "Keep every detail",
    description: "An addition to an image in which a face, a logo or a product has to stay exactly as it is.",
    type: "edit",
    prompt:
      "Using the given images, place {element} {placement}. The features of {subject} stay completely unchanged: {details}. The added element looks as if it had always been there: {integration}.",
    variables: [
      {
        name: "subject",
        description: "What must stay as it is",
        default: null,
        example: "the woman in the first image",
      },
      {
        name: "element",
        description: "What to add, of which image",
        default: null,
        example: "the logo of the second image",
      },
      {
        name: "placement",
        description: "Where it goes",
        default: null,
        example: "on the front of her black t-shirt",
      },
      {
        name: "details",
        description: "What to watch for",
        default: "shape, proportions, colours and markings",
        example: "face, hair and expression",
      },
      {
        name: "integration",
        description: "How it follows what it lies on",
        default: "it follows the light and the surface it lies on",
        example: "it follows the folds of the fabric",
      },
    ],
  },
} as const satisfies Record<string, TemplateRequest>
