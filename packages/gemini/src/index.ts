export * from "./gemini.ts"
