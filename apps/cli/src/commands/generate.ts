import { operations, type GenerationInput } from "@kiln/contract"
import type { z } from "zod"

import type { ExitCode } from "../exit-codes.ts"
import { jobOf, type JobFlags } from "../flags.ts"
import type { Session } from "../session.ts"
import { follow } from "./one-job.ts"

/** `kiln generate "a red mug" --out pictures` */
export async function generate(
  session: Session,
  [prompt]: string[],
  flags: z.output<typeof JobFlags>,
): Promise<ExitCode> {
  const body: GenerationInput = jobOf(prompt, flags)
  const job = await session.client.send(operations.createGeneration, { body, signal: session.signal })
  return follow(session, job, flags)
}
