import { hash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { writeFile } from "node:fs/promises"
import { pipeline } from "node:stream/promises"

import type { Egress } from "@kiln/egress"
import { normaliseInput } from "@kiln/images"
import type { Ledger } from "@kiln/ledger"
import type { InputBucket, Storage } from "@kiln/storage"

import { createAssetStore, type KeptAs } from "./asset-store.ts"
import { createNamedInputs } from "./named-inputs.ts"
import { createSpoolFiles } from "./spool-files.ts"

export type InputsOptions = {
  ledger: Pick<Ledger, "assets">
  storage: Pick<Storage, "put" | "head" | "open" | "remove">
  egress: Pick<Egress, "fetchTo" | "checkUrl">
  /** Where images lie that are named by `key`; absent where none is configured. */
  bucket?: Pick<InputBucket, "open" | "sizeOf"> | undefined
  /** Folder for images on their way to storage. */
  spool: string
}

/** The SHA-256 of the file, where it is known. */
type Keeping = { sha256?: string | undefined; signal?: AbortSignal | undefined }

/**
 * Keeps images that callers send as assets: checked, made readable for models, stored once a tenant by content.
 * All throw `input_unreadable` for what is no usable image, `storage_error`, or `forbidden` when the tenant has too many.
 */
export function createInputs(options: InputsOptions) {
  const { ledger, storage, egress } = options
  const assets = createAssetStore(options)
  const named = createNamedInputs(options.bucket)
  const load = loader(options)
  const files = createSpoolFiles(options)
  const { spooled } = files

  /** What is kept with this very content already is neither decoded nor stored again. */
  const keepFile = async (tenant: string, source: string, known: Keeping = {}): Promise<KeptAs> =>
    (await assets.find(tenant, known.sha256, known.signal)) ??
    spooled(async (target) => {
      const made = await normaliseInput({ source, target, signal: known.signal })
      return assets.store(tenant, target, made, known.signal)
    })

  return {
    ...files,
    load,

    /** A file that stays where it is. */
    keepFile,

    async keepBytes(tenant: string, bytes: Uint8Array): Promise<KeptAs> {
      const sha256 = hash("sha256", bytes, "hex")
      return (
        (await assets.find(tenant, sha256)) ??
        spooled(async (path) => {
          await writeFile(path, bytes)
          return keepFile(tenant, path)
        })
      )
    },

    /** Throws an `EgressError` for an address that could never be fetched; nothing is asked. */
    checkUrl: (url: string): void => void egress.checkUrl(url),

    /** Throws what `Egress` throws, too. */
    async keepUrl(tenant: string, url: string, signal?: AbortSignal): Promise<KeptAs> {
      return spooled(async (target) => {
        const { sha256 } = await egress.fetchTo(url, { target, signal, accept: "image/*" })
        return keepFile(tenant, target, { sha256, signal })
      })
    },

    /** Looks whether an image can be had by its name. Throws `input_unreachable` where it cannot. */
    checkNamed: named.check,

    /** Throws `input_unreachable`, too. */
    async keepNamed(tenant: string, name: string, signal?: AbortSignal): Promise<KeptAs> {
      return spooled(async (target) => {
        await named.download(tenant, name, { target, signal })
        return keepFile(tenant, target, { signal })
      })
    },

    /** An object of storage; undefined when it is not there. */
    async keepObject(
      tenant: string,
      { key, sha256 }: { key: string; sha256: string },
    ): Promise<KeptAs | undefined> {
      return (
        (await assets.find(tenant, sha256)) ??
        spooled(async (path) => ((await load(key, path)) ? keepFile(tenant, path) : undefined))
      )
    },

    /** Whether it was there. The object goes first: whoever stores it anew meanwhile finds that out. */
    async forget(tenant: string, id: string): Promise<boolean> {
      const asset = await ledger.assets.read(tenant, id)
      if (!asset) return false
      await storage.remove(asset.key)
      return ledger.assets.forget(tenant, asset)
    },
  }
}
export type Inputs = ReturnType<typeof createInputs>

/** Brings an object to a file; false when there is none. */
const loader =
  ({ storage }: Pick<InputsOptions, "storage">) =>
  async (key: string, target: string, signal?: AbortSignal): Promise<boolean> => {
    const found = await storage.open(key, { signal })
    if (!found) return false
    await pipeline(found.stream, createWriteStream(target))
    return true
  }
