export { createInputs, type Inputs, type KeptAs } from "./create-inputs.ts"
