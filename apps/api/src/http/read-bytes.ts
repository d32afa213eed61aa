import type { Readable } from "node:stream"
import { createGunzip, createInflate } from "node:zlib"

import { Refusal } from "@kiln/contract"
import type { Request, Response } from "express"

import { HangUp } from "./hang-up.ts"

export type BodyLimits = {
  /** Of one body, decompressed. */
  mostBytes: number
  /** Of all bodies that are on their way or being answered, however many clients send slowly. */
  mostHeldBytes: number
}

/** What a chunk costs beside its bytes: a body may come one byte at a time. */
const chunkBytes = 200

/** Reads whole bodies, decompressed. They throw a Refusal for what is too large or not readable, HangUp for half a body. */
export function createReadBytes({ mostBytes, mostHeldBytes }: BodyLimits) {
  let heldBytes = 0
  return async (req: Request, res: Response): Promise<Buffer> => {
    const source = decompressed(req)
    if (source === req && Number(req.headers["content-length"]) > mostBytes) throw tooLarge(mostBytes)
    const chunks: Buffer[] = []
    let bytes = 0
    let held = 0
    const release = () => {
      heldBytes -= held
      held = 0
    }
    const take = (chunk: Buffer) => {
      bytes += chunk.length
      held += chunk.length + chunkBytes
      heldBytes += chunk.length + chunkBytes
      if (bytes > mostBytes) throw tooLarge(mostBytes)
      if (heldBytes > mostHeldBytes) throw tooMany()
      chunks.push(chunk)
    }
    try {
      const whole = source === req ? arrived(req) : undefined
      if (whole) take(whole)
      // Leaving the loop must not cut the connection, over which the refusal is to go.
      else
        for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
          take(chunk)
      // What was read lives on in what is made of it.
      if (res.closed) release()
      else res.once("close", release)
    } catch (error) {
      release()
      if (error instanceof Refusal) throw error
      if (req.destroyed && !req.complete) throw new HangUp({ cause: error })
      throw new Refusal("invalid_request", "The body could not be decompressed", { cause: error })
    } finally {
      if (source !== req) {
        req.unpipe().resume()
        source.destroy()
      }
    }
    return Buffer.concat(chunks)
  }
}

/** Small bodies mostly come with their headers: then there is nothing to wait for. */
const arrived = (req: Request): Buffer | undefined =>
  req.complete && !req.destroyed ? ((req.read() as Buffer | null) ?? undefined) : undefined

/** The body without its compression. Brotli is left out: its decoder takes 16 MB before the first byte comes out. */
export function decompressed(req: Request): Readable {
  const encoding = (req.headers["content-encoding"] ?? "identity").toLowerCase()
  if (encoding === "identity") return req
  if (encoding !== "gzip" && encoding !== "deflate") {
    const detail = "The body has to be sent as it is, or compressed with gzip or deflate"
    throw new Refusal("unsupported_media_type", detail)
  }
  const decoder = encoding === "gzip" ? createGunzip() : createInflate()
  req.once("close", () => {
    if (!req.complete) decoder.destroy(new HangUp())
  })
  return req.pipe(decoder)
}

const tooLarge = (bytes: number) =>
  new Refusal("payload_too_large", `The body is larger than ${Math.round(bytes / 1024 / 1024)} MB`)
const tooMany = () =>
  new Refusal("unavailable", "Too many large bodies are on their way", { retryAfterMs: 1_000 })
