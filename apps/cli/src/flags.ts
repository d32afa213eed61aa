import type { GenerationInput } from "@kiln/contract"
import { z } from "zod"

import { UsageError } from "./exit-codes.ts"

/** A flag as commander reads it, and what it is for. */
export type Flag = readonly [flag: string, meaning: string]

export const everyCommand: readonly Flag[] = [
  ["--json", "the answer as JSON on stdout, for scripts"],
  ["--quiet", "no progress"],
  ["--url <url>", "where Kiln is (KILN_URL)"],
  ["--key <key>", "API key (KILN_API_KEY; others on this machine may see what stands here)"],
]

export const painting: readonly Flag[] = [
  ["--model <id>", "model or alias"],
  ["-n <number>", "images of each prompt, 1 to 8"],
  ["--aspect-ratio <ratio>", "such as 1:1, 4:3, 16:9"],
  ["--size <size>", "such as 1K, 2K, 4K"],
  ["--format <format>", "png, jpeg or webp"],
  ["--quality <percent>", "of jpeg and webp"],
  ["--seed <number>", "the same seed, a similar image"],
  ["--deadline <seconds>", "give up after so long"],
]

export const oneJob: readonly Flag[] = [
  ["--template <id>", "a template instead of a prompt"],
  ["--var <name=value...>", "values of the template's variables"],
  ["--metadata <name=value...>", "pairs that are echoed everywhere"],
  ["--priority <priority>", "low, normal or high"],
  ["--max-cost <usd>", "refuse when the estimate is above"],
  ["--wait", "wait until it has ended"],
  ["--out <folder>", "wait, and save the images there"],
]

const word = z.string().optional()
const words = z.array(z.string()).optional()
const number = z
  .string()
  .transform((text, context) => {
    const value = Number(text)
    if (text.trim() !== "" && Number.isFinite(value)) return value
    context.addIssue({ code: "custom", message: "must be a number" })
    return z.NEVER
  })
  .optional()
const yes = z.boolean().default(false)

export const CommonFlags = z.object({ json: yes, quiet: yes, url: word, key: word })

const PaintingFlags = z.object({
  model: word,
  n: number,
  aspectRatio: word,
  size: word,
  format: word,
  quality: number,
  seed: number,
  deadline: number,
})

export const JobFlags = PaintingFlags.extend({
  template: word,
  var: words,
  metadata: words,
  priority: word,
  maxCost: number,
  wait: yes,
  out: word,
})

export const EditFlags = JobFlags.extend({ image: words })

export const OneJobFlags = z.object({ cancel: yes, retry: yes, watch: yes, out: word })

const saving = { out: word, contactSheet: yes, wait: z.boolean().default(true) }

export const BatchFlags = PaintingFlags.extend({
  ...saving,
  scenes: word,
  prompt: word,
  name: word,
  priority: word,
  onInvalid: word,
  resume: word,
  maxCost: number,
  maxParallel: number,
  yes,
})

export const ResultsFlags = z.object({ ...saving, format: z.enum(["ndjson", "csv"]).default("ndjson") })
export const WatchFlags = z.object({ watch: yes })
export const NoFlags = z.object({})
export const ListKeysFlags = z.object({ tenant: word })
export const CreateKeyFlags = z.object({ tenant: z.string(), scope: words, name: word, expires: word })

/** What was given, and nothing else; throws UsageError that names the flag. */
export function readFlags<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const read = schema.safeParse(given)
  if (read.success) return read.data
  const sentences = read.error.issues.map(({ path, message }) => `${flagOf(String(path[0]))} ${message}`)
  throw new UsageError(sentences.join("\n"))
}

const flagOf = (name: string): string =>
  name.length === 1 ? `-${name}` : `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** What the flags say of the images. The API is the judge of the values, and names the field that is wrong. */
export const paintingOf = (flags: z.output<typeof PaintingFlags>): Partial<GenerationInput> =>
  withoutAbsent({
    model: flags.model,
    n: flags.n,
    aspect_ratio: flags.aspectRatio,
    image_size: flags.size,
    output_format: flags.format,
    output_quality: flags.quality,
    seed: flags.seed,
    deadline_seconds: flags.deadline,
  })

export const jobOf = (
  prompt: string | undefined,
  flags: z.output<typeof JobFlags>,
): Partial<GenerationInput> => ({
  ...paintingOf(flags),
  ...withoutAbsent({
    prompt,
    template: flags.template,
    variables: pairsOf("--var", flags.var),
    metadata: pairsOf("--metadata", flags.metadata),
    priority: flags.priority,
    max_cost_usd: flags.maxCost,
  }),
})

/** Words of the command line as fields of a request; the API parses them. The caller says which fields they are. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function withoutAbsent<Fields extends object>(fields: Record<string, unknown>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields
}

function pairsOf(flag: string, pairs: readonly string[] | undefined): Record<string, string> | undefined {
  if (!pairs) return undefined
  return Object.fromEntries(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf("=")
      if (at < 1) throw new UsageError(`${flag} ${pair}: expected name=value`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
