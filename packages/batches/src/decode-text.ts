import { open } from "node:fs/promises"

import { fileChunks } from "./file-chunks.ts"
import { unreadable } from "./rows-failure.ts"

type Encoding = "utf-8" | "utf-16le" | "utf-16be"

/** The text of a file in UTF-8 or UTF-16, without its byte order mark. Throws RowsFailure that names the line of a wrong byte. */
export async function* decodeText(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const encoding = await encodingOf(path)
  const decoder = new TextDecoder(encoding, { fatal: true })
  let lines = 0
  for await (const chunk of fileChunks(path, signal)) {
    let text: string
    try {
      text = decoder.decode(chunk, { stream: true })
    } catch (cause) {
      throw notText(path, lines, encoding, chunk, cause)
    }
    lines += text.split("\n").length - 1
    if (text !== "") yield text
  }
  try {
    decoder.decode()
  } catch (cause) {
    throw unreadable(lines + 1, "invalid_encoding", `the file ends within a character of ${encoding}`, cause)
  }
}

const marks: readonly (readonly [readonly number[], Encoding])[] = [
  [[0xef, 0xbb, 0xbf], "utf-8"],
  [[0xff, 0xfe], "utf-16le"],
  [[0xfe, 0xff], "utf-16be"],
]

/** By the byte order mark; without one by the zeros that plain letters have in UTF-16. */
async function encodingOf(path: string): Promise<Encoding> {
  const head = new Uint8Array(64)
  const file = await open(path)
  const { bytesRead } = await file.read(head, 0, head.length, 0).finally(() => file.close())
  const marked = marks.find(([mark]) => mark.every((byte, index) => head[index] === byte))
  if (marked) return marked[1]
  if (bytesRead < 4) return "utf-8"
  if (head[1] === 0 && head[3] === 0) return "utf-16le"
  return head[0] === 0 && head[2] === 0 ? "utf-16be" : "utf-8"
}

function notText(_path: string, lines: number, encoding: Encoding, chunk: Buffer, cause: unknown) {
  const line = lines + 1 + goodLines(chunk, encoding)
  const hint = encoding === "utf-8" ? "; save the file as CSV UTF-8" : ""
  return unreadable(line, "invalid_encoding", `the text is not valid ${encoding.toUpperCase()}${hint}`, cause)
}

/** Line breaks before the first byte that is no text. */
function goodLines(chunk: Buffer, encoding: Encoding): number {
  const [text = ""] = new TextDecoder(encoding).decode(chunk).split("\uFFFD", 1)
  return text.split("\n").length - 1
}
