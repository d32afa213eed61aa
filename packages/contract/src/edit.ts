import { z } from "zod"

import { asked, askedTogether } from "./generation.ts"
import { InputImage } from "./input-image.ts"

/** Images of one edit, whatever its model: the most that any is known to take. */
const mostImages = 14

/** The body of `POST /v1/edits`. */
export const EditRequest = z
  .strictObject({
    images: z
      .array(InputImage)
      .min(1)
      .max(mostImages)
      .describe("In the order in which the prompt speaks of them; the model may take fewer."),
    ...asked,
  })
  .check(...askedTogether)
  .describe("A picture to make from images and words.")
export type EditRequest = z.infer<typeof EditRequest>
export type EditInput = z.input<typeof EditRequest>
