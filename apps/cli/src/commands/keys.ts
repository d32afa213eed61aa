import { operations, Scope, type ApiKey } from "@kiln/contract"
import type { z } from "zod"

import { allOf } from "../all-of.ts"
import { exitCodes, UsageError, type ExitCode } from "../exit-codes.ts"
import { withoutAbsent, type CreateKeyFlags, type ListKeysFlags } from "../flags.ts"
import type { Session } from "../session.ts"
import { table } from "../table.ts"

export async function listKeys(
  { client, signal, terminal }: Session,
  _args: string[],
  { tenant }: z.output<typeof ListKeysFlags>,
): Promise<ExitCode> {
  const keys = await allOf((after) =>
    client.send(operations.listKeys, {
      query: withoutAbsent({ limit: 100, after, tenant }),
      signal,
    }),
  )
  terminal.result(keys, keysInWords(keys))
  return exitCodes.ok
}

/** The key is shown this once. */
export async function createKey(
  { client, signal, terminal }: Session,
  _args: string[],
  { tenant, scope, name, expires }: z.output<typeof CreateKeyFlags>,
): Promise<ExitCode> {
  const scopes = (scope ?? ["jobs:write", "jobs:read"]).map((given) => {
    const read = Scope.safeParse(given)
    if (!read.success) throw new UsageError(`--scope ${given}: expected ${Scope.options.join(", ")}`)
    return read.data
  })
  const body = { tenant, scopes, ...withoutAbsent<{ name?: string }>({ name, expires_at: expires }) }
  const created = await client.send(operations.createKey, { body, signal })
  terminal.result(created, created.key)
  terminal.say(`${created.id} for ${created.tenant}: ${created.scopes.join(", ")}. It is not shown again.`)
  return exitCodes.ok
}

export async function revokeKey(
  { client, signal, terminal }: Session,
  [id = ""]: string[],
): Promise<ExitCode> {
  await client.send(operations.revokeKey, { params: { id }, signal })
  terminal.result({ id, revoked: true }, `${id}  revoked`)
  return exitCodes.ok
}

const keysInWords = (keys: readonly ApiKey[]): string =>
  table(
    ["ID", "TENANT", "SCOPES", "NAME", "LAST USED", "EXPIRES"],
    keys.map(({ id, tenant, scopes, name, last_used_at: used, expires_at: expires }) => [
      id,
      tenant,
      scopes.join(","),
      name ?? "–",
      used ?? "never",
      expires ?? "never",
    ]),
  )
