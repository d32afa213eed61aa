import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"

import type { PaintRequest } from "@kiln/jobs"

import { createGemini, type Gemini, type GeminiOptions } from "../gemini.ts"
import { paintRequest } from "./paint-request.ts"

export const testKey = "AIzaTestKeyThatMustNeverBeShown0123456789"

type Received = { method: string; url: string; headers: IncomingMessage["headers"]; body: string }
type Painting = { signal?: AbortSignal; inputs?: PaintRequest["inputs"]; keepReply?: boolean; into?: string }
/** What the upstream does with a request once its body has arrived. */
export type Script = (response: ServerResponse, received: Received) => void | Promise<void>

export type ScriptedUpstream = AsyncDisposable & {
  gemini: Gemini
  baseUrl: string
  target: string
  received: Received[]
  /** Paints a bicycle into `target`, or another file. */
  paint(options?: Painting): ReturnType<Gemini["paint"]>
  /** The bytes of the painted file. */
  picture(): Promise<Buffer>
  /** The names of all files that there are beside the target, itself included. */
  files(): Promise<string[]>
}

/** A real HTTP server that answers as the test says, and a Gemini that calls it. */
export async function createScriptedUpstream(
  script: Script,
  options: Partial<GeminiOptions> = {},
): Promise<ScriptedUpstream> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk as Uint8Array)
      const body = Buffer.concat(chunks).toString()
      const { method = "", url = "", headers } = request
      received.push({ method, url, headers, body })
      await script(response, { method, url, headers, body })
    })()
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const folder = await mkdtemp(path.join(tmpdir(), "kiln-gemini-"))
  const target = path.join(folder, "image")
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gemini = createGemini({
    apiKey: testKey,
    baseUrl,
    apiVersion: "v1beta",
    timeoutMs: 30_000,
    ...options,
  })
  return {
    gemini,
    baseUrl,
    target,
    received,
    paint: ({ signal = new AbortController().signal, inputs = [], keepReply = false, into = target } = {}) =>
      gemini.paint(paintRequest({ inputs }), { target: into, signal, keepReply }),
    picture: () => readFile(target),
    files: () => readdir(folder),
    async [Symbol.asyncDispose]() {
      await gemini[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Answers with JSON and a status. */
export const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Script =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json; charset=UTF-8", ...headers })
    response.end(typeof body === "string" ? body : JSON.stringify(body))
  }
