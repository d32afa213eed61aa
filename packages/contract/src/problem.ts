import { z } from "zod"

import { refusals, type RefusalCode } from "./failures.ts"

/** RFC 9457 problem details, with a stable `code`. */
export const Problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(refusals) as [RefusalCode, ...RefusalCode[]]),
    retryable: z.boolean(),
    request_id: z.string(),
    errors: z.array(
      z.strictObject({
        pointer: z.string(),
        code: z.string(),
        detail: z.string(),
        line: z.int().nullable().optional().describe("Of a batch: the row's line in the file."),
        custom_id: z.string().nullable().optional().describe("Of a batch: the row's name."),
      }),
    ),
  })
  .describe("Why a request was refused.")
export type Problem = z.infer<typeof Problem>
