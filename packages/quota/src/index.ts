export * from "./create-quota.ts"
export * from "./upstream-accounts.ts"
