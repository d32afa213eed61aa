import type { Job } from "@kiln/contract"

const at = "2026-11-22T10:00:00.000Z"
const id = `job_${"0".repeat(12)}70008${"0".repeat(15)}`
const self = `https://kiln.example/v1/jobs/${id}`

/** A job that succeeded, as callers see it. */
export const sampleJob: Job = {
  id,
  object: "job",
  type: "generation",
  status: "succeeded",
  model: "m",
  requested_model: "m",
  prompt: "a fox",
  template: null,
  parameters: { n: 1, output_format: "png", include_text: false },
  inputs: [],
  outputs: [
    {
      index: 0,
      url: "https://kiln.example/files/0.png",
      url_expires_at: at,
      key: `acme/2026/11/22/${id}/0.png`,
      content_type: "image/png",
      bytes: 10,
      width: 1,
      height: 1,
      sha256: "0".repeat(64),
      upstream_content_type: "image/png",
      preview_url: null,
    },
  ],
  text: null,
  content: [],
  shortfall: null,
  error: null,
  warnings: [],
  queue: null,
  attempts: [
    {
      number: 1,
      model: "m",
      started_at: at,
      ended_at: at,
      outcome: "succeeded",
      upstream_status: 200,
      charged: "yes",
    },
  ],
  usage: { input_tokens: 1, output_tokens: 1, upstream_calls: 1, cost_usd: 0.1, charged: "yes" },
  priority: "normal",
  not_before: null,
  deadline: null,
  batch: null,
  custom_id: null,
  previous_job: null,
  metadata: {},
  created_at: at,
  started_at: at,
  completed_at: at,
  expires_at: at,
  urls: { self, cancel: `${self}/cancel`, retry: `${self}/retry`, events: `${self}/events` },
}
