export type { KeptAs } from "./asset-store.ts"
export { createInputs, type Inputs } from "./create-inputs.ts"
