import { fingerprintOf, type ItemJob } from "@kiln/batches"
import type { ApiKey, BatchItemRequest } from "@kiln/contract"
import type { Models } from "@kiln/jobs"

import type { FindTemplate } from "../find-template.ts"
import { findWords } from "../find-words.ts"
import { newJob } from "../new-job.ts"
import type { ResolveInputs } from "../resolve-inputs.ts"

type Deps = { models: Models; findTemplate: FindTemplate; resolveInputs: ResolveInputs }

/** Makes jobs of items: the same rules as for single requests. Throws a Refusal for what cannot or must not be done. */
export function createPrepareItem(deps: Deps) {
  const { models, findTemplate, resolveInputs } = deps
  return (caller: Pick<ApiKey, "tenant" | "id">) => {
    const { tenant, id: key } = caller
    const templates = new Map<string, ReturnType<FindTemplate>>()
    const findOnce: FindTemplate = (id) => {
      const known = templates.get(id) ?? findTemplate(id, tenant)
      templates.set(id, known)
      return known
    }
    const now = new Date()

    return {
      /** Checks and estimates, and keeps nothing. */
      async check(item: BatchItemRequest): Promise<ItemJob> {
        const { custom_id: _name, type: _type, images, ...request } = item
        const type = images ? "edit" : "generation"
        const words = await findWords(request, { findTemplate: findOnce, tenant, type })
        const { job: made, excess } = newJob(request, words, {
          models,
          tenant,
          key,
          now,
          images: images?.length,
        })
        if (excess) throw excess
        const { id: _id, tenant: _tenant, key: _key, notBefore, ...job } = made
        return { ...job, notBefore: notBefore?.toISOString() ?? null }
      },

      /** The same with its images kept; the fingerprint tells whether two items ask for the same picture. */
      async keepInputs(
        job: ItemJob,
        images: BatchItemRequest["images"],
      ): Promise<{ job: ItemJob; fingerprint: string }> {
        const inputs = images ? { inputs: await resolveInputs(tenant, images) } : {}
        const whole = { ...job, spec: { ...job.spec, ...inputs } }
        return { job: whole, fingerprint: fingerprintOf(whole) }
      },
    }
  }
}
export type PrepareItem = ReturnType<typeof createPrepareItem>
