import { hash } from "node:crypto"

/** A strong validator: equal only when the body is the same byte for byte. */
export const etagOf = (body: string): string => `"${hash("sha1", body, "base64url")}"`

/** Whether an `If-None-Match` names this tag; the comparison is weak (RFC 9110, section 13.1.2). */
export function isFresh(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === "*") return true
  return (ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => tag.replace(/^W\//, "") === etag)
}
