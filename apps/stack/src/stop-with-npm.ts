const POLL_MS = 1000

/**
 * Under `npm start`, ends this process when npm is gone: whoever killed npm meant Kiln, and could not reach it. Started
 * by hand, a process may outlive its parent.
 */
export function stopWithNpm(): void {
  if (process.env["npm_lifecycle_event"] === undefined) return
  const parent = process.ppid
  const onTick = () => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, "SIGTERM")
  }
  const timer = setInterval(onTick, POLL_MS).unref()
}
