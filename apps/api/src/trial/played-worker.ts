import type { Ledger } from "@kiln/ledger"
import { outputKey, type Storage } from "@kiln/storage"

type Painting = { text?: string | null; turn?: number; picture?: Buffer }

/** What a worker would do to the ledger and the storage, step by step. */
export function playWorker(ledger: Ledger, storage: Storage) {
  const nothing = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
  async function begin(id: string, turn = 1) {
    const begun = await ledger.begin({ id, turn })
    if (begun.kind !== "begun") throw new Error(`The job ${id} is ${begun.kind}`)
    return begun
  }
  async function end(id: string, epoch: number, status: "succeeded" | "failed", text: string | null = null) {
    const error = { code: "content_blocked", message: "no", retryable: false, upstream: null } as const
    await ledger.settle(
      { id, epoch },
      {
        settlement: {
          kind: "end",
          status,
          outcome: status === "succeeded" ? status : error.code,
          error: status === "succeeded" ? null : error,
          shortfall: null,
        },
        upstreamStatus: 200,
        charged: "yes",
        spent: nothing,
        text,
        textKey: null,
        warned: [],
      },
    )
  }
  return {
    begin,
    end,
    /** Paints one image and ends the job. */
    async paint(id: string, { text = null, turn = 1, picture }: Painting = {}) {
      const { epoch, record } = await begin(id, turn)
      const key = outputKey({ ...record, index: 0, format: "png" })
      const bytes = picture ?? Buffer.from("not really a picture")
      await storage.put(key, bytes, { contentType: "image/png" })
      const output = {
        key,
        content_type: "image/png",
        bytes: bytes.length,
        width: 1_024,
        height: 1_024,
        sha256: "0".repeat(64),
        upstream_content_type: "image/jpeg",
      }
      const spent = { calls: 1, input: 9, output: 1_120, costNanoUsd: 33_613_500 }
      await ledger.keep({ id, epoch, index: 0, output, spent })
      await end(id, epoch, "succeeded", text)
    },
  }
}
