import { randomUUID } from "node:crypto"
import { createWriteStream } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"

import { Refusal } from "@kiln/contract"
import type { Egress } from "@kiln/egress"
import { normaliseInput } from "@kiln/images"
import { mostAssets, type KeptAsset, type Ledger } from "@kiln/ledger"
import { assetKey, type Storage } from "@kiln/storage"

export type InputsOptions = {
  ledger: Pick<Ledger, "assets">
  storage: Pick<Storage, "put" | "head" | "open" | "remove">
  egress: Pick<Egress, "fetchTo">
  /** Folder for images on their way to storage. */
  spool: string
}

/** `known`: the tenant had this content already. */
export type KeptAs = { kind: "created" | "known"; asset: KeptAsset }

const extensions = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/heic": "heic",
  "image/heif": "heif",
} as const

/**
 * Keeps images that callers send as assets: checked, made readable for models, stored once a tenant by content.
 * All throw `input_unreadable` for what is no usable image, `storage_error`, or `forbidden` when the tenant has too many.
 */
export function createInputs(options: InputsOptions) {
  const { ledger, storage, egress, spool } = options
  const store = createStore(options)

  /** Gives the step a name for a file of its own, which is gone afterwards. */
  async function spooled<Result>(step: (path: string) => Promise<Result>): Promise<Result> {
    // It is removed as a leftover by others when this process had nothing to do for a day.
    await mkdir(spool, { recursive: true })
    const path = join(spool, randomUUID())
    try {
      return await step(path)
    } finally {
      await rm(path, { force: true })
    }
  }

  const keepFile = (tenant: string, source: string, signal?: AbortSignal): Promise<KeptAs> =>
    spooled(async (target) => store(tenant, target, await normaliseInput({ source, target, signal }), signal))

  return {
    spooled,

    /** A file that stays where it is. */
    keepFile,

    async keepBytes(tenant: string, bytes: Uint8Array): Promise<KeptAs> {
      return spooled(async (path) => {
        await writeFile(path, bytes)
        return keepFile(tenant, path)
      })
    },

    /** Throws what `Egress` throws, too. */
    async keepUrl(tenant: string, url: string, signal?: AbortSignal): Promise<KeptAs> {
      return spooled(async (target) => {
        await egress.fetchTo(url, { target, signal, accept: "image/*" })
        return keepFile(tenant, target, signal)
      })
    },

    /** An object of storage; undefined when it is not there. */
    async keepObject(
      tenant: string,
      { key, sha256 }: { key: string; sha256: string },
    ): Promise<KeptAs | undefined> {
      const asset = await ledger.assets.find(tenant, sha256)
      if (asset) return { kind: "known", asset }
      return spooled(async (path) => ((await load(key, path)) ? keepFile(tenant, path) : undefined))
    },

    load,

    /** Whether it was there. The object goes first: whoever stores it anew meanwhile finds that out. */
    async forget(tenant: string, id: string): Promise<boolean> {
      const asset = await ledger.assets.read(tenant, id)
      if (!asset) return false
      await storage.remove(asset.key)
      return ledger.assets.forget(tenant, asset)
    },
  }

  /** Brings an object to a file; false when there is none. */
  async function load(key: string, target: string, signal?: AbortSignal): Promise<boolean> {
    const found = await storage.open(key, { signal })
    if (!found) return false
    await pipeline(found.stream, createWriteStream(target))
    return true
  }
}
export type Inputs = ReturnType<typeof createInputs>

function createStore({ ledger, storage }: Pick<InputsOptions, "ledger" | "storage">) {
  return async (
    tenant: string,
    path: string,
    { contentType, bytes, width, height, sha256 }: Awaited<ReturnType<typeof normaliseInput>>,
    signal: AbortSignal | undefined,
  ): Promise<KeptAs> => {
    const key = assetKey({ tenant, sha256, extension: extensions[contentType] })
    const put = () => storage.put(key, { path, bytes, sha256 }, { contentType, ifAbsent: true, signal })
    await put()
    const facts = { key, content_type: contentType, bytes, width, height, sha256 }
    const kept = await ledger.assets.keep(tenant, facts)
    if (kept.kind === "full") {
      throw new Refusal(
        "forbidden",
        `A tenant may have ${mostAssets.toLocaleString("en")} assets; delete some first`,
      )
    }
    // Between the two steps a deletion may have taken away the object that was there.
    if (kept.kind === "created" && !(await storage.head(key, signal))) await put()
    return kept
  }
}
