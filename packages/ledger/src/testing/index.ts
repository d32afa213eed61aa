export { audit } from "./audit.ts"
export { scriptText } from "../script-text.ts"
