import type { Answer } from "./generate/answer.ts"
import type { Emulator } from "./start-emulator.ts"

/** What a test asks for; everything has a default that succeeds. */
export type Question = {
  model?: string
  method?: string
  version?: string
  /** The prompt, in place of `contents`. */
  prompt?: string
  body?: object | string
  key?: string
  headers?: Record<string, string>
  query?: string
  signal?: AbortSignal
}

/** Sends a generation to the emulator, for tests. */
export function ask(emulator: Emulator, question: Question): Promise<Response> {
  const { version = "v1beta", model = "gemini-nano-banana-2.1", method = "generateContent" } = question
  const contents = [{ role: "user", parts: [{ text: question.prompt ?? "a cat" }] }]
  const body =
    typeof question.body === "string" ? question.body : JSON.stringify({ contents, ...question.body })
  return fetch(`${emulator.url}/${version}/models/${model}:${method}${question.query ?? ""}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-goog-api-key": question.key ?? "test-key-0001",
      ...question.headers,
    },
    body,
    ...(question.signal !== undefined && { signal: question.signal }),
  })
}

export type ErrorBody = {
  error: { code: number; message: string; status: string; details?: Record<string, unknown>[] }
}

/** The parsed error of an answer. */
export async function errorOf(response: Response): Promise<ErrorBody["error"]> {
  return ((await response.json()) as ErrorBody).error
}

/** The parsed answer to a generation. */
export async function answerOf(response: Response): Promise<Answer> {
  return (await response.json()) as Answer
}

/** The bytes of an answer's last image. */
export function imageOf(answer: Answer): Buffer {
  const parts = answer.candidates?.[0]?.content?.parts ?? []
  return Buffer.from(
    parts.findLast((part) => part.inlineData !== undefined)?.inlineData?.data ?? "",
    "base64",
  )
}
