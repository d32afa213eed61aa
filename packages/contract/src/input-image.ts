import { z } from "zod"

import { idOf } from "./ids.ts"
import { isObjectName } from "./object-name.ts"

const sources = ["url", "asset", "data", "job", "key"] as const

/** One input image of an edit: where it is, or its bytes. */
export const InputImage = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .max(2_048)
      .optional()
      .describe("Where to fetch it; fetched when the job starts, not before."),
    asset: idOf("ast").optional().describe("An image that `POST /v1/assets` kept."),
    data: z.string().min(1).optional().describe("Its bytes in base64, or as a data URI."),
    mime_type: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe("Goes with `data`; the bytes decide all the same."),
    job: idOf("job").optional().describe("The job whose `output` it is."),
    output: z.int().min(0).max(99).optional().describe("Goes with `job`: the index of its image."),
    key: z
      .string()
      .refine(isObjectName, {
        message: "must be a name of up to 900 bytes in parts joined by /, none empty, `.` or `..`",
      })
      .optional()
      .describe("The name of an object in the input bucket, below the tenant's own folder."),
  })
  .refine((image) => sources.filter((source) => image[source] !== undefined).length === 1, {
    message: "must have exactly one of url, asset, data, key, or job with output",
  })
  .refine(({ job, output }) => job === undefined || output !== undefined, {
    path: ["output"],
    message: "is required with a job",
  })
  .refine(({ job, output }) => output === undefined || job !== undefined, {
    path: ["output"],
    message: "goes with a job",
  })
  .refine(({ data, mime_type }) => mime_type === undefined || data !== undefined, {
    path: ["mime_type"],
    message: "goes with data",
  })
  .describe("An input image: exactly one of `url`, `asset`, `data`, `key`, or `job` with `output`.")
export type InputImage = z.infer<typeof InputImage>
