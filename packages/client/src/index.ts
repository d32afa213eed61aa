export * from "./client.ts"
export * from "./wait.ts"
