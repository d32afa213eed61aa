import type { RunningProcess } from "./running-process.ts"

/** A process of the world that is killed again and again and comes back. */
export type Phoenix = { kill(): Promise<void>; rise(): Promise<void> }

export async function createPhoenix(start: () => Promise<RunningProcess>): Promise<Phoenix> {
  let process = await start()
  return {
    async kill() {
      process.kill("SIGKILL")
      await process.exited
    },
    async rise() {
      process = await start()
    },
  }
}
