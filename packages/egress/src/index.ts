export {
  createEgress,
  type Egress,
  type EgressOptions,
  type Fetched,
  type FetchToOptions,
} from "./create-egress.ts"
export {
  createPoster,
  type Poster,
  type PostRequest,
  type PostResult,
  type PosterOptions,
} from "./create-poster.ts"
export { EgressError, type EgressErrorCode } from "./egress-error.ts"
export type { Resolve, ResolvedAddress } from "./resolve-host.ts"
