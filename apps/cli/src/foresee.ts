import { estimateBatch } from "@kiln/client"
import type { BatchOptionsInput } from "@kiln/contract"

import { rowsToSend, type BatchFile } from "./batch-file.ts"
import { duration, plural, usd } from "./in-words.ts"
import type { Session } from "./session.ts"

/** Says what the rows would cost and how long they would take; answers whether to go on. */
export async function foresee(
  { client, signal, terminal }: Session,
  { file, options }: { file: BatchFile; options: BatchOptionsInput },
  isAgreed: boolean,
): Promise<boolean> {
  await using rows = await rowsToSend(file, undefined, signal)
  const estimate = await estimateBatch(client, rows, options, signal)
  const { items, upstream_calls: calls, cost_usd: cost, eta_seconds: eta, warnings } = estimate
  const images = calls === items ? "" : `, ${plural(calls, "image")}`
  const time = eta === null ? "" : `, about ${duration(eta)}`
  // What an earlier batch made is not paid again.
  const most = options.resume === undefined ? "about" : "at most"
  terminal.say(`${plural(items, "item")}${images}: ${most} ${usd(cost)}${time}`)
  for (const { detail } of warnings) terminal.say(`  warning  ${detail}`)
  return isAgreed || terminal.confirm("Go on?", signal)
}
