export * from "./judge-try.ts"
export * from "./schedule.ts"
export * from "./send.ts"
export * from "./sign.ts"
