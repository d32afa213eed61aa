import type { Template } from "@kiln/contract"
import { builtInTemplate } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

/** Finds a built-in template or one of the tenant's own. */
export function createFindTemplate({ ledger }: { ledger: Pick<Ledger, "templates"> }) {
  return async (id: string, tenant: string): Promise<Template | undefined> =>
    builtInTemplate(id) ?? ledger.templates.read(tenant, id)
}
export type FindTemplate = ReturnType<typeof createFindTemplate>
