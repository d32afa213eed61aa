/** Reading rows alone, for those who store nothing. */
export { readJsonBody } from "./json-body.ts"
export { readRows, type RowFormat } from "./read-rows.ts"
export { RowsFailure } from "./rows-failure.ts"
