export * from "./imagen.ts"
