export type ServerEvent = { id: string; event: string; data: string }

/** Reads server-sent events of an answer until it ends or the caller stops. */
export async function* readEvents(answer: Response): AsyncGenerator<ServerEvent> {
  if (!answer.body) return
  let buffer = ""
  const decoder = new TextDecoder()
  for await (const chunk of answer.body) {
    buffer += decoder.decode(chunk, { stream: true })
    const blocks = buffer.split("\n\n")
    buffer = blocks.pop() ?? ""
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block
          .split("\n")
          .filter((line) => !line.startsWith(":") && line.includes(": "))
          .map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
      ) as Partial<ServerEvent>
      if (fields.id && fields.event && fields.data)
        yield { id: fields.id, event: fields.event, data: fields.data }
    }
  }
}
