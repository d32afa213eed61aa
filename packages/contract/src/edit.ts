import { z } from "zod"

import { asked, askedTogether } from "./generation.ts"
import { idOf } from "./ids.ts"
import { InputImage } from "./input-image.ts"

/** Images of one edit, whatever its model: the most that any is known to take. */
export const mostInputImages = 14

/** The body of `POST /v1/edits`. */
export const EditRequest = z
  .strictObject({
    images: z
      .array(InputImage)
      .min(1)
      .max(mostInputImages)
      .optional()
      .describe(
        "In the order in which the prompt speaks of them; the model may take fewer. With a `previous_job` they are " +
          "added to what was said before.",
      ),
    previous_job: idOf("job")
      .optional()
      .describe(
        "Go on with the conversation that made this job's image: its words, images and signatures are said again. Of " +
          "several images the last is continued, or the one that an entry `{job, output}` of `images` names. Counts as " +
          "one of the model's images.",
      ),
    ...asked,
  })
  .check(
    ...askedTogether,
    z.refine(({ images, previous_job: previous }) => images !== undefined || previous !== undefined, {
      path: ["images"],
      message: "is required, or a `previous_job`",
    }),
  )
  .describe("A picture to make from images and words, or from an earlier job and words.")
export type EditRequest = z.infer<typeof EditRequest>
export type EditInput = z.input<typeof EditRequest>
