import type { GenerateRequest, Part } from "../messages/generate-request.ts"

/** All parts of the conversation, oldest first. */
export function allParts({ contents = [] }: GenerateRequest): Part[] {
  return contents.flatMap((content) => content.parts ?? [])
}

/** The user's images in the order in which they were given. */
export function imageParts({ contents = [] }: GenerateRequest): Part[] {
  return contents.filter(({ role }) => role !== "model").flatMap(({ parts = [] }) => parts.filter(isImage))
}

/** The types of all inline data, and of file references outside web addresses, where the server decides itself. */
export function mimeTypesOf(request: GenerateRequest): string[] {
  return allParts(request).flatMap(({ inlineData }) =>
    inlineData === undefined ? [] : [inlineData.mimeType ?? ""],
  )
}

/** The text of the last turn of the user: what is painted, and where directives are read. */
export function promptOf({ contents = [] }: GenerateRequest): string {
  const last = contents.findLast(({ role }) => role !== "model")
  return (last?.parts ?? []).flatMap(({ text }) => (text === undefined ? [] : [text])).join("\n")
}

function isImage({ inlineData, fileData }: Part): boolean {
  if (inlineData !== undefined) return (inlineData.mimeType ?? "").startsWith("image/")
  return fileData !== undefined && (fileData.mimeType ?? "image/").startsWith("image/")
}
