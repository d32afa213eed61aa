import { Refusal, refusals } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "./call.ts"
import { idempotencyKeyOf, mismatch } from "./idempotency-key.ts"
import type { Answer, Exchange } from "./mount.ts"
import { problemOf, problemType } from "./problem.ts"
import { refusalOf } from "./refusal-of.ts"
import { seal, unseal } from "./seal.ts"
import { sendText } from "./send.ts"

type Remembered = { status: number; headers: Readonly<Record<string, string>>; type: string; text: string }

const jsonType = "application/json; charset=utf-8"

/**
 * Does the work once for an Idempotency-Key and gives the first answer again after that, refusals included unless
 * asking again may help. Without a key it only does the work. `isSecret` says that the answer holds a secret.
 */
export async function answerOnce<Body>(
  { idempotency }: Pick<Ledger, "idempotency">,
  { req, res }: Exchange,
  request: { route: string; status: number; content: unknown; isSecret: boolean },
  work: () => Promise<Answer<Body>>,
): Promise<Answer<Body> | undefined> {
  const key = idempotencyKeyOf(req, request.route, request.content)
  if (!key) return work()
  const { key: apiKey, token } = callerOf(res)
  const secret = { token: request.isSecret ? token : apiKey.tenant, idempotencyKey: key.text }
  const scope = `${apiKey.tenant}:${key.scope}`
  const reserved = await idempotency.reserve(scope, key.fingerprint)
  switch (reserved.kind) {
    case "mismatch":
      throw mismatch()
    case "running":
      throw new Refusal("idempotency_in_progress", "The first request with this key is still running", {
        retryAfterMs: 1_000,
      })
    case "answered": {
      const text = unseal(reserved.answer, secret)
      // An answer with a secret in it is for the API key that asked first alone.
      if (text === undefined) throw mismatch()
      res.setHeader("Idempotent-Replayed", "true")
      return write({ req, res }, JSON.parse(text) as Remembered)
    }
    case "first":
  }
  const answer = await remembered({ req, res }, request.status, work).catch(async (error: unknown) => {
    await idempotency.release(scope)
    throw error
  })
  await idempotency.answer(scope, key.fingerprint, seal(JSON.stringify(answer), secret))
  return write({ req, res }, answer)
}

/** The answer as it goes over the wire; throws what is not to be remembered. */
async function remembered<Body>(
  { req, res }: Exchange,
  status: number,
  work: () => Promise<Answer<Body>>,
): Promise<Remembered> {
  try {
    const answer = await work()
    const text = JSON.stringify(answer.body)
    return { status: answer.status ?? status, headers: answer.headers ?? {}, type: jsonType, text }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusals[refusal.code].retryable) throw error
    const text = JSON.stringify(problemOf(refusal, req, res))
    return { status: refusal.status, headers: {}, type: problemType, text }
  }
}

function write({ res }: Exchange, { status, headers, type, text }: Remembered): undefined {
  res.statusCode = status
  for (const name in headers) res.setHeader(name, headers[name] ?? "")
  res.setHeader("Cache-Control", "no-store")
  sendText(res, text, type)
  return undefined
}
