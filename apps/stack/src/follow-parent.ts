// Preloaded into the API, the workers and the emulator (`node --import`): a stack that was killed cannot stop them, so
// they stop when their pipe to it closes.
import { Socket } from "node:net"
import { isMainThread } from "node:worker_threads"

if (isMainThread) {
  const pipe = new Socket({ fd: 3, readable: true, writable: false })
  pipe.on("error", () => {})
  pipe.once("close", () => process.kill(process.pid, "SIGTERM"))
  pipe.resume().unref()
}
