export * from "./client.ts"
export { verifyWebhook, type ReceivedWebhook, type VerifyWebhookOptions } from "./verify-webhook.ts"
export * from "./wait.ts"
export { WebhookError, type WebhookErrorCode } from "./webhook-error.ts"
