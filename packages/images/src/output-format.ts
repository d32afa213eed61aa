export type OutputFormat = "png" | "jpeg" | "webp"

/** Without a dot. */
export function extensionOf(format: OutputFormat): "png" | "jpg" | "webp" {
  return format === "jpeg" ? "jpg" : format
}

export function contentTypeOf(format: OutputFormat): "image/png" | "image/jpeg" | "image/webp" {
  return `image/${format}`
}
