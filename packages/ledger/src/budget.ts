import { Refusal } from "@kiln/contract"
import { toUsd } from "@kiln/jobs"

/** Which budget does not allow a job, and how it stands; in nano-dollars. */
export type Unaffordable = {
  kind: "unaffordable"
  of: "tenant" | "key"
  period: "day" | "month"
  budgetNanoUsd: number
  spentNanoUsd: number
  /** Set aside for jobs that have not ended. */
  reservedNanoUsd: number
  /** Null: the price of the model is not known. */
  estimateNanoUsd: number | null
}

/** The scripts' answer about a budget that does not allow a job. */
export function decodeUnaffordable([of, period, budget, spent, reserved, estimate]: readonly (
  | string
  | number
)[]): Unaffordable {
  return {
    kind: "unaffordable",
    of: of === "key" ? "key" : "tenant",
    period: period === "month" ? "month" : "day",
    budgetNanoUsd: Number(budget),
    spentNanoUsd: Number(spent),
    reservedNanoUsd: Number(reserved),
    estimateNanoUsd: estimate === "" ? null : Number(estimate),
  }
}

const periodNames = { day: "daily", month: "monthly" } as const

/** Why a budget does not allow a job, in a sentence with all numbers. */
export function unaffordable({ of, period, ...amounts }: Unaffordable): Refusal {
  const name = `the ${periodNames[period]} budget of this ${of === "key" ? "API key" : "tenant"}`
  const estimate = toUsd(amounts.estimateNanoUsd)
  if (estimate === null) {
    return new Refusal("budget_exceeded", `The price of this model is not known, so ${name} cannot be kept`)
  }
  const [budget, spent, reserved] = [
    toUsd(amounts.budgetNanoUsd),
    toUsd(amounts.spentNanoUsd),
    toUsd(amounts.reservedNanoUsd),
  ]
  return new Refusal(
    "budget_exceeded",
    `The estimate of ${estimate} USD does not fit into ${name}: of ${budget} USD, ${spent} are spent and ` +
      `${reserved} are set aside for open jobs`,
  )
}
