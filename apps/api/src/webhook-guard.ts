import { Refusal } from "@kiln/contract"
import { EgressError, type Egress } from "@kiln/egress"

export type CheckWebhookUrl = (url: string, pointer: string) => Promise<void>

/** Refuses URLs that webhooks may not go to, by their words or by the addresses behind them, naming the field. */
export const createCheckWebhookUrl =
  ({ egress }: { egress: Pick<Egress, "checkReachable"> }): CheckWebhookUrl =>
  async (url, pointer) => {
    try {
      await egress.checkReachable(url)
    } catch (error) {
      if (!(error instanceof EgressError)) throw error
      throw new Refusal("invalid_request", `${pointer.slice(1)}: ${error.message}`, {
        errors: [{ pointer, code: error.code, detail: error.message }],
        cause: error,
      })
    }
  }
