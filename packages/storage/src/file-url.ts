import { createHmac, timingSafeEqual } from "node:crypto"

export type FileSecret = Uint8Array | string

/** `${baseUrl}/files/<key>?expires=<unix seconds>&signature=…`, with `&download=<name>` when it is to be saved. */
export function signFileUrl(file: {
  baseUrl: string
  key: string
  expiresAt: Date
  downloadName?: string | undefined
  secret: FileSecret
}): string {
  const expires = String(Math.floor(file.expiresAt.getTime() / 1000))
  const signature = signatureOf(file.secret, { key: file.key, expires, download: file.downloadName ?? "" })
  const query = new URLSearchParams({ expires, signature: signature.toString("base64url") })
  if (file.downloadName) query.set("download", file.downloadName)
  return `${file.baseUrl.replace(/\/+$/, "")}/files/${file.key}?${query.toString()}`
}

export type FileUrlVerdict =
  | { valid: true; expiresAt: Date; downloadName?: string }
  | { valid: false; reason: "forged" | "expired" }

/** Whether a file may be read with these query parameters; compares in constant time. */
export function verifyFileUrl(file: {
  key: string
  query: URLSearchParams
  secret: FileSecret
  now: Date
}): FileUrlVerdict {
  const [expires, signature, download] = ["expires", "signature", "download"].map((name) =>
    only(file.query, name),
  )
  if (!expires || !/^\d{1,12}$/.test(expires) || !signature || download === undefined) {
    return { valid: false, reason: "forged" }
  }
  const expected = signatureOf(file.secret, { key: file.key, expires, download })
  const given = Buffer.from(signature, "base64url")
  // Compared as text too: several spellings of base64url decode to the same bytes.
  const isSame = given.length === expected.length && timingSafeEqual(given, expected)
  if (!isSame || signature !== expected.toString("base64url")) return { valid: false, reason: "forged" }
  const expiresAt = new Date(Number(expires) * 1000)
  if (file.now >= expiresAt) return { valid: false, reason: "expired" }
  return { valid: true, expiresAt, ...(download === "" ? {} : { downloadName: download }) }
}

/** The name comes last, as the only part that may hold a line break. */
function signatureOf(secret: FileSecret, file: { key: string; expires: string; download: string }): Buffer {
  return createHmac("sha256", secret)
    .update(`kiln-file\n${file.key}\n${file.expires}\n${file.download}`)
    .digest()
}

/** The parameter, "" when it is absent, undefined when it is there twice. */
function only(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  return values.length > 1 ? undefined : (values[0] ?? "")
}
