import { AnyError, camelCaseKeys, lenient, unusableReply } from "@kiln/upstream"
import { z } from "zod"

/** A conversation is replayed with all that its parts had, so what is not known here stays. */
const Part = z.looseObject({
  text: lenient(z.string()),
  thought: lenient(z.boolean()),
  inlineData: lenient(z.looseObject({ data: lenient(z.string()), mimeType: lenient(z.string()) })),
})
export type Part = z.infer<typeof Part>

const Candidate = z.object({
  content: lenient(z.object({ parts: lenient(z.array(Part.catch({}))) })),
  finishReason: lenient(z.string()),
  finishMessage: lenient(z.string()),
})

/** It is kept with the job, so it has a bound. */
const label = lenient(z.string().max(256))
const count = lenient(z.coerce.number().int().nonnegative())

const UsageMetadata = z.object({
  promptTokenCount: count,
  toolUsePromptTokenCount: count,
  candidatesTokenCount: count,
  thoughtsTokenCount: count,
  candidatesTokensDetails: lenient(
    z.array(z.object({ modality: lenient(z.string()), tokenCount: count }).catch({})),
  ),
})
export type UsageMetadata = z.infer<typeof UsageMetadata>

/** As much of a generateContent answer as is used; `data` of an image is its number. */
const Chunk = z.object({
  error: lenient(AnyError),
  promptFeedback: lenient(z.object({ blockReason: lenient(z.string()) })),
  candidates: lenient(z.array(Candidate.catch({}))),
  usageMetadata: lenient(UsageMetadata),
  modelVersion: label,
  responseId: label,
  modelStatus: lenient(
    z.object({
      message: lenient(z.string()),
      modelStage: lenient(z.string()),
      retirementTime: lenient(z.string()),
    }),
  ),
})
type Chunk = z.infer<typeof Chunk>

/** What the upstream answered, whether in one piece or as an array of them. */
export type Reply = Omit<Chunk, "candidates" | "promptFeedback"> & {
  blockReason: string | undefined
  hasCandidates: boolean
  parts: Part[]
  finishReason: string | undefined
  finishMessage: string | undefined
}

/** Throws `upstream_error` for what is no JSON object, as HTML or an answer that was cut. */
export function parseReply(json: string): Reply {
  const value = parseJson(json)
  const chunks = z
    .array(Chunk)
    .min(1)
    .safeParse(Array.isArray(value) ? value : [value])
  if (!chunks.success) throw unusableReply("The model's answer is not one of generateContent")
  return joined(chunks.data)
}

function parseJson(json: string): unknown {
  try {
    return camelCaseKeys(JSON.parse(json))
  } catch {
    // The parser's error quotes the answer, so it is not kept.
    throw unusableReply("The model's answer is not whole JSON")
  }
}

/** Parts follow each other; of all else the last one counts, as usage is cumulative. One candidate was asked for. */
function joined(chunks: Chunk[]): Reply {
  const last = <Value>(pick: (chunk: Chunk) => Value | undefined) =>
    chunks.map(pick).findLast((value) => value !== undefined)
  return {
    error: last((chunk) => chunk.error),
    usageMetadata: last((chunk) => chunk.usageMetadata),
    modelVersion: last((chunk) => chunk.modelVersion),
    responseId: last((chunk) => chunk.responseId),
    modelStatus: last((chunk) => chunk.modelStatus),
    blockReason: last((chunk) => chunk.promptFeedback?.blockReason),
    hasCandidates: chunks.some((chunk) => (chunk.candidates?.length ?? 0) > 0),
    parts: chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []),
    finishReason: last((chunk) => chunk.candidates?.[0]?.finishReason),
    finishMessage: last((chunk) => chunk.candidates?.[0]?.finishMessage),
  }
}
