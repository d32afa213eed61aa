export { cachedWarning, createReuse, type Copied, type Reuse } from "./create-reuse.ts"
export { pictureFingerprint } from "./picture-fingerprint.ts"
