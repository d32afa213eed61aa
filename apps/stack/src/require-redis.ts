import { checkRedis, connectRedis, type RedisAddress } from "@kiln/runtime"

/** Answers what is wrong with the Redis that was given. Throws a sentence for the operator if the Redis that was given does not answer, without its address or password. */
export async function requireRedis(address: RedisAddress): Promise<string[]> {
  let why: string | undefined
  const onError = (error: Error) => {
    why ??= error.message
  }
  const redis = connectRedis({ ...address, role: "command", name: "kiln:stack", onError })
  try {
    await redis.ping()
    return await checkRedis(redis)
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
