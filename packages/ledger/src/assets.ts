import { newId } from "@kiln/contract"
import type { Redis } from "ioredis"

import type { Scripts } from "./scripts.ts"

/** Assets that a tenant may have: each takes some hundred bytes of memory until it is deleted. */
export const mostAssets = 1_000_000

/** What is known of an input image; its bytes are in storage under `key`. */
export type AssetFacts = {
  key: string
  content_type: string
  bytes: number
  width: number
  height: number
  sha256: string
}
export type KeptAsset = AssetFacts & { id: string; createdAt: Date }

type Options = { redis: Redis; scripts: Scripts; prefix: string }

/** The tenants' input images by id and by content. */
export function createAssets({ redis, scripts, prefix }: Options) {
  const read = async (tenant: string, id: string): Promise<KeptAsset | undefined> => {
    const kept = await redis.hget(`${prefix}:assets:${tenant}`, id)
    return kept ? decode(id, kept) : undefined
  }
  return {
    read,

    /** The asset that has this content. */
    async find(tenant: string, sha256: string): Promise<KeptAsset | undefined> {
      const id = await redis.hget(`${prefix}:asset-hashes:${tenant}`, sha256)
      return id ? read(tenant, id) : undefined
    },

    /** Makes one asset of one content, however many ask at once. */
    async keep(
      tenant: string,
      facts: AssetFacts,
    ): Promise<{ kind: "created" | "known"; asset: KeptAsset } | { kind: "full" }> {
      const content = JSON.stringify(facts)
      const answer = await scripts.run("keep-asset", tenant, newId("ast"), facts.sha256, mostAssets, content)
      const [kind, id = "", kept = ""] = answer as ["created" | "known" | "full", string?, string?]
      return kind === "full" ? { kind } : { kind, asset: decode(id, kept) }
    },

    /** Whether it was there. */
    async forget(tenant: string, { id, sha256 }: Pick<KeptAsset, "id" | "sha256">): Promise<boolean> {
      return (await scripts.run("forget-asset", tenant, id, sha256)) === 1
    },
  }
}

/** Only `keep` writes these. */
function decode(id: string, kept: string): KeptAsset {
  const bar = kept.indexOf("|")
  const facts = JSON.parse(kept.slice(bar + 1)) as AssetFacts
  return { id, ...facts, createdAt: new Date(Number(kept.slice(0, bar))) }
}
