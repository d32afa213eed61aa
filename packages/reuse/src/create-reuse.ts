import { randomUUID } from "node:crypto"
import { createWriteStream } from "node:fs"
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { pipeline } from "node:stream/promises"

import type { Warning } from "@kiln/contract"
import type { JobRecord, KeptOutput, Ledger } from "@kiln/ledger"
import { outputKey, turnKey, type JobPlace, type PutOptions, type Storage } from "@kiln/storage"

type Options = {
  ledger: Pick<Ledger, "read" | "pictures">
  storage: Pick<Storage, "open" | "put" | "remove">
  /** Folder for images on their way from storage to storage. */
  spool: string
}

type CopyOptions = {
  /** Facts to keep beside each object. */
  describe?: (output: KeptOutput) => Record<string, string>
  signal?: AbortSignal
}

type PutCopy = Pick<PutOptions, "signal" | "metadata"> & { sha256?: string }

/** Images, and what came with them. */
export type Copied = Pick<JobRecord, "text" | "layout"> & { outputs: Map<number, KeptOutput> }

/** What a job says that was answered with the images of an earlier one. */
export const cachedWarning = (id: string): Warning => ({
  code: "cached",
  detail: `the same was asked before: these are copies of the images of ${id}, and nothing was spent`,
})

/**
 * Answers a job with copies of an earlier one's images. They are copies, so that either job can be deleted or expire
 * without the other's.
 */
export function createReuse({ ledger, storage, spool }: Options) {
  return {
    /** The tenant's job that made these very pictures, all of them; undefined where there is none any more. */
    async find(tenant: string, fingerprint: string): Promise<JobRecord | undefined> {
      const id = await ledger.pictures.find(tenant, fingerprint)
      const record = id === undefined ? undefined : await ledger.read(id)
      if (record?.tenant !== tenant || record.status !== "succeeded" || record.shortfall) return undefined
      return record.outputs.size === record.spec.parameters.n ? record : undefined
    },

    /** Copies all images, and reads the text; undefined, and nothing copied, where something is gone. */
    async copy(from: JobRecord, to: JobPlace, options: CopyOptions = {}): Promise<Copied | undefined> {
      const outputs = new Map<number, KeptOutput>()
      try {
        const said = from.textKey === null ? from.text : await read(from.textKey, options.signal)
        if (said === undefined) return undefined
        for (const [index, output] of from.outputs) {
          const format = from.spec.parameters.output_format
          const copied = { ...output, key: outputKey({ ...to, index, format }) }
          const metadata = options.describe?.(copied)
          const put = { signal: options.signal, sha256: output.sha256, metadata }
          if (!(await copyObject(output.key, copied.key, put))) {
            await discard(outputs)
            return undefined
          }
          outputs.set(index, copied)
          const { sha256 } = output
          await copyTurn(turnKey({ ...from, index, sha256 }), turnKey({ ...to, index, sha256 }), options)
        }
        return { outputs, text: said, layout: from.layout }
      } catch (error) {
        await discard(outputs)
        throw error
      }
    },
  }

  async function copyObject(from: string, to: string, { sha256, ...options }: PutCopy): Promise<boolean> {
    const found = await storage.open(from, { signal: options.signal })
    if (!found) return false
    await mkdir(spool, { recursive: true })
    const path = join(spool, randomUUID())
    try {
      await pipeline(found.stream, createWriteStream(path))
      const { bytes, contentType } = found.object
      await storage.put(to, { path, bytes, sha256 }, { ...options, contentType, ifAbsent: true })
      return true
    } finally {
      await rm(path, { force: true })
    }
  }

  /** What was said with an image, so that the copy can be refined as well; without it, it starts a conversation anew. */
  async function copyTurn(from: string, to: string, { signal }: CopyOptions): Promise<void> {
    await copyObject(from, to, { signal }).catch(() => signal?.throwIfAborted())
  }

  async function read(key: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const found = await storage.open(key, { signal })
    return found && (await text(found.stream))
  }

  /** A copy that stayed would be taken for a picture of the job's own. */
  async function discard(outputs: ReadonlyMap<number, KeptOutput>): Promise<void> {
    for (const { key } of outputs.values()) await storage.remove(key)
  }
}
export type Reuse = ReturnType<typeof createReuse>
