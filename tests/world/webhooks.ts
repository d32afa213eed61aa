import { operations, type WebhookDelivery, type WebhookEndpointWithSecret } from "@kiln/contract"

import { until } from "./until.ts"
import type { World } from "./world.ts"

type Asked = Partial<{ events: WebhookEndpointWithSecret["events"]; headers: Record<string, string> }>

export const register = (world: World, url: string, asked: Asked = {}): Promise<WebhookEndpointWithSecret> =>
  world.client.send(operations.createWebhookEndpoint, { body: { url, ...asked } })

/** The deliveries to an endpoint, those of the newest events first. */
export async function deliveriesOf(world: World, endpoint: string): Promise<WebhookDelivery[]> {
  return (await world.client.send(operations.listWebhookDeliveries, { query: { endpoint, limit: 100 } })).data
}

/** A delivery when it is over. */
export const settled = (world: World, id: string, endpoint: string): Promise<WebhookDelivery> =>
  until(`${id} is over`, async () =>
    (await deliveriesOf(world, endpoint)).find((one) => one.id === id && one.status !== "pending"),
  )

/** Sends a test event and waits until it is over. */
export async function tried(world: World, endpoint: string): Promise<WebhookDelivery> {
  const { id } = await world.client.send(operations.testWebhookEndpoint, { params: { id: endpoint } })
  return settled(world, id, endpoint)
}
