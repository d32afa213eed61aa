const connectionCodes = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "ENOENT"])

/** ioredis gives these no class and no code of their own. */
const connectionMessages = new Set([
  "Connection is closed.",
  "Command timed out",
  "Stream isn't writeable and enableOfflineQueue options is false",
])

/** Redis answers with a word of its own first; these say that it cannot take commands just now. */
const unable =
  /\b(LOADING|READONLY|OOM|MISCONF|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|UNBLOCKED|LATE)\b/

/** Whether Redis, not the request, is to blame for this error. */
export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === "MaxRetriesPerRequestError" || error.name === "AbortError") return true
  if (connectionMessages.has(error.message)) return true
  if (error.name === "ReplyError") return unable.test(error.message)
  return "code" in error && connectionCodes.has(String(error.code)) && "syscall" in error
}
