import type { GenerationRequest } from "@kiln/contract"
import type { JobSpec, Ledger, NewJob } from "@kiln/ledger"
import { promptOf, type Documents } from "@kiln/views"

import type { Words } from "./new-job.ts"

type Options = { ledger: Pick<Ledger, "read" | "madeBefore">; documents: Pick<Documents, "read"> }
type Idempotency = Parameters<Ledger["madeBefore"]>[1] | undefined

/** What the first request with an Idempotency-Key came to: models and templates may have changed since. */
export function createFirstRequest({ ledger, documents }: Options) {
  return {
    /** What its template said then; undefined where there was no such request, no template, or its job is gone. */
    async words(
      { template }: GenerationRequest,
      tenant: string,
      idempotency: Idempotency,
    ): Promise<Words | undefined> {
      if (template === undefined || idempotency === undefined) return undefined
      const record = await ledger.madeBefore(tenant, idempotency)
      const prompt = record ? await promptOf(record.spec, documents) : null
      return prompt === null ? undefined : { prompt, template }
    },

    /** What it was to edit; undefined where there was no such request or its job is gone. */
    async edited(
      tenant: string,
      idempotency: Idempotency,
    ): Promise<(Pick<JobSpec, "inputs" | "previous"> & { model: string }) | undefined> {
      const record = idempotency && (await ledger.madeBefore(tenant, idempotency))
      return record && { ...record.spec, model: record.model }
    },

    async wasMade(tenant: string, idempotency: Idempotency): Promise<boolean> {
      return idempotency !== undefined && (await ledger.madeBefore(tenant, idempotency)) !== undefined
    },

    /** The job as it was when it was made; where its record is gone, this request says the same of it. */
    async job(id: string, mine: NewJob, prompt: string): Promise<{ job: NewJob; prompt: string }> {
      const record = await ledger.read(id)
      if (!record) return { job: { ...mine, id }, prompt }
      const { model, requestedModel, spec } = record
      const said = spec.template === undefined ? prompt : await promptOf(spec, documents)
      return { job: { ...mine, id, model, requestedModel, spec }, prompt: said ?? prompt }
    },
  }
}
