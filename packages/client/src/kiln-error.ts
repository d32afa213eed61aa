import type { Problem } from "@kiln/contract"

/** Kiln refused a request; `problem` is what it answered (RFC 9457). */
export class KilnError extends Error {
  override name = "KilnError"
  readonly status: number
  readonly problem: Partial<Problem>

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? `Kiln answered ${status}`)
    this.status = status
    this.problem = problem
  }

  /** The stable code to decide by; undefined where something before Kiln answered. */
  get code(): Problem["code"] | undefined {
    return this.problem.code
  }
}

/** No answer: the server is not there, the connection broke, or it took too long. */
export class KilnUnreachable extends Error {
  override name = "KilnUnreachable"
}

/** An image is not the one that Kiln made: its bytes have another SHA-256. */
export class WrongImage extends Error {
  override name = "WrongImage"
}

export async function refusalOf(response: Response): Promise<KilnError> {
  return new KilnError(response.status, problemOf(await response.text()))
}

export function problemOf(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>
  } catch {
    return {}
  }
}
