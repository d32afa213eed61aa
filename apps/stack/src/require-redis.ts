import { connectRedis } from "@kiln/runtime"

/** Throws a sentence for the operator if the Redis that was given does not answer, without its address or password. */
export async function requireRedis(url: string): Promise<void> {
  let why: string | undefined
  const onError = (error: Error) => {
    why ??= error.message
  }
  const redis = connectRedis({ url, role: "command", name: "kiln:stack", onError })
  try {
    await redis.ping()
  } catch (error) {
    why ??= error instanceof Error ? error.message : String(error)
    throw new Error(
      `The Redis of REDIS_URL does not answer (${why}): start it, or leave REDIS_URL out and Kiln starts its own.`,
      { cause: error },
    )
  } finally {
    redis.disconnect()
  }
}
