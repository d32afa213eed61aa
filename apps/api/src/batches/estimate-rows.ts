import { readRows } from "@kiln/batches"
import { BatchOptions, refuseFields, type Estimate } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import { costOf, estimateTokens, toUsd, type BatchRow, type Models } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"
import { warningView } from "@kiln/views"
import pLimit from "p-limit"

import type { FindTemplate } from "../find-template.ts"
import { callerOf } from "../http/call.ts"
import type { Exchange } from "../http/mount.ts"
import { receiveForm } from "../http/receive-file.ts"
import { patienceOf } from "../http/wait.ts"
import type { ResolveInputs } from "../resolve-inputs.ts"
import { batchOptions, formatOf, mostRowBytes, rowsPart } from "./batch-request.ts"
import { createPrepareItem, type PrepareItem } from "./prepare-item.ts"
import { readItems, type Sink } from "./take-rows.ts"

type Deps = {
  ledger: Pick<Ledger, "foresee">
  models: Models
  inputs: Pick<Inputs, "spooled">
  findTemplate: FindTemplate
  resolveInputs: ResolveInputs
  publicUrl: string
  closing: AbortSignal
}

/** Reading rows is work, and other callers want their turn. */
const mostAtOnce = 2
const mostWarnings = 20

/** What a batch of rows would take; rows that a batch would be refused for are refused here too. */
export function createEstimateRows(deps: Deps) {
  const prepareItem = createPrepareItem(deps)
  const inTurn = pLimit(mostAtOnce)

  async function estimate(
    rows: AsyncIterable<BatchRow> | Iterable<BatchRow>,
    options: BatchOptions,
    { res }: Exchange,
  ): Promise<Estimate> {
    const { key } = callerOf(res)
    const signal = patienceOf(res, deps.closing)
    const sink = startCounting(prepareItem(key), deps)
    const read = await inTurn(() => readItems({ rows, options, signal, beat: async () => {} }, sink))
    const { counts, jobs, refused } = read
    const [first] = refused.errors
    const leftOut =
      refused.count > 0 ? `${refused.count} rows are not valid; line ${first?.line}: ${first?.detail}` : null
    const warnings = [
      ...counts.warnings,
      ...(leftOut === null ? [] : [{ code: "rows_refused", detail: leftOut, docs: null }]),
    ]
    return { ...counts, warnings, eta_seconds: await etaOf(jobs, { ...deps, tenant: key.tenant, options }) }
  }

  return {
    /** Rows in a form, with what goes with them in its other parts. */
    ofUpload: (exchange: Exchange): Promise<Estimate> =>
      deps.inputs.spooled(async (path) => {
        const signal = patienceOf(exchange.res, deps.closing)
        const into = { target: path, mostBytes: mostRowBytes, signal }
        const file = { ...(await receiveForm(exchange.req, rowsPart, into)), path }
        const format = formatOf(file.contentType, file.fileName)
        const options = await batchOptions(file, format, {}, signal)
        return estimate(readRows({ path, format }, signal), options, exchange)
      }),

    /** A JSON body with `items`, or with `products` and `scenes`; its schema has been looked at. */
    ofBody: (body: Record<string, unknown>, exchange: Exchange): Promise<Estimate> => {
      const { items, products, ...beside } = body
      const options = BatchOptions.safeParse(beside)
      if (!options.success) throw refuseFields(options.error.issues, beside)
      const values = (items ?? products) as readonly unknown[]
      const rows = values.values().map((value, index) => ({ line: index + 1, value, errors: [] }))
      return estimate(rows, { ...options.data, ...(beside as Partial<BatchOptions>) }, exchange)
    },
  }
}
export type EstimateRows = ReturnType<typeof createEstimateRows>

type Counted = { counts: Omit<Estimate, "eta_seconds">; jobs: ReadonlyMap<string, number> }

/** Adds up what each item would take, and keeps nothing. */
function startCounting(
  prepare: ReturnType<PrepareItem>,
  { models, publicUrl }: Pick<Deps, "models" | "publicUrl">,
): Sink<Counted> {
  const sum = { items: 0, upstream_calls: 0, input_tokens: 0, output_tokens: 0 }
  const jobs = new Map<string, number>()
  const warnings = new Map<string, Estimate["warnings"][number]>()
  const now = new Date()
  let nanoUsd: number | null = 0
  return {
    async add(item, { isChecked }) {
      const { model: id, spec } = await prepare.check(item)
      if (isChecked) return
      const { model } = models.resolve(id, now)
      const tokens = estimateTokens(model, spec.prompt ?? "", spec.parameters, item.images?.length)
      const cost = costOf(tokens, model.prices)
      nanoUsd = nanoUsd === null || cost === null ? null : nanoUsd + cost
      sum.items += 1
      sum.upstream_calls += spec.parameters.n
      sum.input_tokens += tokens.input
      sum.output_tokens += tokens.output
      jobs.set(id, (jobs.get(id) ?? 0) + 1)
      for (const warning of spec.warnings) {
        if (warnings.size < mostWarnings) warnings.set(warning.code, warningView(warning, publicUrl))
      }
    },
    async end() {
      return { counts: { ...sum, cost_usd: toUsd(nanoUsd), warnings: [...warnings.values()] }, jobs }
    },
  }
}

/** When the last of them would end, each being behind the others, and behind those that may run at once. */
async function etaOf(
  jobs: ReadonlyMap<string, number>,
  { ledger, tenant, options }: Pick<Deps, "ledger"> & { tenant: string; options: BatchOptions },
): Promise<number | null> {
  const all = await Promise.all(
    jobs.entries().map(async ([model, count]) => ({ count, seen: await ledger.foresee(tenant, model) })),
  )
  let [lastMs, behindMs, startsMs, heldMs] = [0, 0, 0, 0]
  for (const { count, seen } of all) {
    const { perJobMs, lastEndsInMs, paceMs } = seen
    if (lastEndsInMs === null) return null
    startsMs = Math.max(startsMs, lastEndsInMs - (paceMs ?? 0))
    heldMs += count * (paceMs ?? 0)
    lastMs = Math.max(lastMs, lastEndsInMs)
    behindMs += (count - 1) * perJobMs
  }
  const inTurnsMs = options.max_parallel === undefined ? 0 : startsMs + heldMs / options.max_parallel
  return Math.ceil(Math.max(lastMs + behindMs, inTurnsMs) / 1_000)
}
