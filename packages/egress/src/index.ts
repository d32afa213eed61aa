export {
  createEgress,
  type Egress,
  type EgressOptions,
  type Fetched,
  type FetchToOptions,
} from "./create-egress.ts"
export { EgressError, type EgressErrorCode } from "./egress-error.ts"
export type { Resolve, ResolvedAddress } from "./resolve-host.ts"
