import type { Job } from "@kiln/contract"

import type { World } from "./world.ts"

type Asked = { prompt: string; images?: readonly object[]; n?: number; model?: string }

/** Sends an edit as a form: its JSON, and files in their order. */
export async function sendForm(
  { url, key }: Pick<World, "url" | "key">,
  request: Asked,
  files: readonly Uint8Array[],
): Promise<{ status: number; body: Job & { errors?: { pointer: string; code: string; detail: string }[] } }> {
  const form = new FormData()
  form.append("request", JSON.stringify(request))
  for (const file of files) form.append("image", new Blob([Uint8Array.from(file)]), "photo")
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/v1/edits`, { method: "POST", headers, body: form })
  return { status: response.status, body: (await response.json()) as Job }
}
