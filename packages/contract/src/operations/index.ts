import {
  cancelJob,
  createGeneration,
  deleteJob,
  getJob,
  getOutput,
  listJobs,
  retryJob,
  watchJob,
} from "./jobs.ts"
import { createKey, listKeys, revokeKey } from "./keys.ts"
import { getHealth, getReadiness, listModels } from "./service.ts"
import { deleteTemplate, getTemplate, listTemplates, putTemplate } from "./templates.ts"

/** Every operation of the API by its id. */
export const operations = {
  createGeneration,
  getJob,
  listJobs,
  cancelJob,
  retryJob,
  deleteJob,
  getOutput,
  watchJob,
  listTemplates,
  getTemplate,
  putTemplate,
  deleteTemplate,
  listModels,
  createKey,
  listKeys,
  revokeKey,
  getHealth,
  getReadiness,
} as const
