/**
 * npm passes a Ctrl-C on to the script that the terminal has signalled already, so one keypress arrives several
 * times; only a later one means impatience.
 */
const ECHO_MS = 1000

type Log = {
  info: (fields: object, message: string) => void
  fatal: (fields: object, message: string) => void
}

/**
 * Runs a service until SIGINT or SIGTERM, then disposes of it. `start` gets a signal that aborts when the process is
 * told to stop before the start is over; a start that takes no signal is left where it stands. A second signal, or
 * `forceAfterMs` after the first, exits with code 1; so does an error that nobody caught.
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<AsyncDisposable>,
  log: Log,
  { forceAfterMs = 40_000 }: { forceAfterMs?: number } = {},
): Promise<void> {
  exitOnUncaught(log)
  const stopping = stopOnSignal(log, forceAfterMs)
  try {
    if (start.length === 0) stopping.addEventListener("abort", leave)
    await using _service = await start(stopping)
    stopping.removeEventListener("abort", leave)
    await aborted(stopping)
  } catch (error) {
    if (!stopping.aborted || error !== stopping.reason) throw error
  }
  log.info({}, "stopped")
}

function stopOnSignal(log: Log, forceAfterMs: number): AbortSignal {
  const stopping = new AbortController()
  let firstAt = 0
  const onSignal = (signal: NodeJS.Signals) => {
    if (!stopping.signal.aborted) {
      firstAt = Date.now()
      log.info({ signal }, "stopping")
      setTimeout(() => giveUp(log, "not stopped in time"), forceAfterMs).unref()
      stopping.abort(new Error(`${signal} received.`))
    } else if (Date.now() - firstAt > ECHO_MS) {
      giveUp(log, "told to stop twice")
    }
  }
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal)
  return stopping.signal
}

function leave(): never {
  process.exit(0)
}

function exitOnUncaught(log: Log): void {
  const onError = (err: unknown) => {
    log.fatal({ err }, "an error that nobody caught")
    process.exit(1)
  }
  process.on("uncaughtException", onError).on("unhandledRejection", onError)
}

function giveUp(log: Log, why: string): never {
  log.fatal({}, `exiting at once: ${why}`)
  process.exit(1)
}

/** An abort signal keeps no process alive, and a service may hold nothing that does. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const keepAlive = setInterval(() => {}, 60_000)
    const onAbort = () => {
      clearInterval(keepAlive)
      resolve()
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
  })
}
