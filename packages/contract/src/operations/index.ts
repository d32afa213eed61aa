import { createAsset, deleteAsset, getAsset } from "./assets.ts"
import {
  cancelBatch,
  createBatch,
  getBatch,
  getBatchArchive,
  getBatchContactSheet,
  getBatchResults,
  listBatches,
  listBatchItems,
  pauseBatch,
  resumeBatch,
  retryFailedItems,
  watchBatch,
} from "./batches.ts"
import { getHealth, getReadiness } from "./health.ts"
import {
  cancelJob,
  createEdit,
  createGeneration,
  deleteJob,
  getJob,
  getOutput,
  listJobs,
  retryJob,
  watchJob,
} from "./jobs.ts"
import { createKey, listKeys, revokeKey } from "./keys.ts"
import { getLimits, putLimits } from "./limits.ts"
import { listModels } from "./models.ts"
import { deleteTemplate, getTemplate, listTemplates, putTemplate } from "./templates.ts"
import { getUsage } from "./usage.ts"

/** Every operation of the API by its id. */
export const operations = {
  createGeneration,
  createEdit,
  getJob,
  listJobs,
  cancelJob,
  retryJob,
  deleteJob,
  getOutput,
  watchJob,
  createBatch,
  listBatches,
  getBatch,
  listBatchItems,
  cancelBatch,
  pauseBatch,
  resumeBatch,
  retryFailedItems,
  getBatchResults,
  getBatchArchive,
  getBatchContactSheet,
  watchBatch,
  createAsset,
  getAsset,
  deleteAsset,
  listTemplates,
  getTemplate,
  putTemplate,
  deleteTemplate,
  listModels,
  createKey,
  listKeys,
  revokeKey,
  getLimits,
  putLimits,
  getUsage,
  getHealth,
  getReadiness,
} as const
