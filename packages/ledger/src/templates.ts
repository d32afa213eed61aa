import type { Template } from "@kiln/contract"
import { templateOf, type TemplateContent } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { Scripts } from "./scripts.ts"

/** Templates that a tenant may have: they are in memory, up to 32 KB each. */
export const mostTemplates = 500

export type KeptTemplate = { kind: "created" | "replaced"; template: Template } | { kind: "full" }

/** The tenants' own templates, a hash for each tenant. */
export function createTemplates({
  redis,
  scripts,
  prefix,
}: {
  redis: Redis
  scripts: Scripts
  prefix: string
}) {
  const hashOf = (tenant: string) => `${prefix}:templates:${tenant}`
  return {
    /** Keeps a template; one that takes the place of another keeps its `created_at`. */
    async put(tenant: string, id: string, content: TemplateContent): Promise<KeptTemplate> {
      const answer = await scripts.run("template", tenant, id, mostTemplates, JSON.stringify(content))
      const [kind, created] = answer as ["created" | "replaced" | "full", number | string]
      if (kind === "full") return { kind }
      return { kind, template: templateOf(id, content, new Date(Number(created))) }
    },

    async read(tenant: string, id: string): Promise<Template | undefined> {
      return decode(id, await redis.hget(hashOf(tenant), id))
    },

    /** By their ids, those after `after`. */
    async list(tenant: string, { after, limit }: { after: string; limit: number }): Promise<Template[]> {
      const ids = (await redis.hkeys(hashOf(tenant)))
        .filter((id) => id > after)
        .toSorted()
        .slice(0, limit)
      if (ids.length === 0) return []
      const kept = await redis.hmget(hashOf(tenant), ...ids)
      return ids.map((id, index) => decode(id, kept[index])).filter((template) => template !== undefined)
    },

    /** Whether it was there. */
    async remove(tenant: string, id: string): Promise<boolean> {
      return (await redis.hdel(hashOf(tenant), id)) === 1
    },
  }
}

/** Only `put` writes these. */
function decode(id: string, kept: string | null | undefined): Template | undefined {
  if (!kept) return undefined
  const bar = kept.indexOf("|")
  const content = JSON.parse(kept.slice(bar + 1)) as TemplateContent
  return templateOf(id, content, new Date(Number(kept.slice(0, bar))))
}
