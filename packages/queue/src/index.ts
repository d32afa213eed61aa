export * from "./cancellation.ts"
export * from "./consumer.ts"
export * from "./producer.ts"
