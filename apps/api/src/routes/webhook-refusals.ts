import { Refusal } from "@kiln/contract"

export const noEndpoint = (id: string): Refusal =>
  new Refusal("not_found", `There is no webhook endpoint ${id}`)

export const noDelivery = (id: string): Refusal =>
  new Refusal("not_found", `There is no webhook delivery ${id}`)

/** Nothing is sent to an endpoint that is disabled. */
export function disabledEndpoint(): Refusal {
  const detail = "the endpoint is disabled; enable it first"
  return new Refusal("invalid_request", `id: ${detail}`, {
    errors: [{ pointer: "/id", code: "endpoint_disabled", detail }],
  })
}
