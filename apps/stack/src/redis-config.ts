/** The configuration of a Redis that may not lose a job: private, append-only, never evicting. */
export function redisConfig({
  folder,
  port,
  socket,
  password,
}: {
  folder: string
  /** 0 listens on the socket only. */
  port: number
  socket?: string
  password?: string
}): string {
  const settings: [name: string, ...values: string[]][] = [
    ["dir", folder],
    ["bind", "127.0.0.1"],
    ["port", String(port)],
    ["protected-mode", "yes"],
    ["appendonly", "yes"],
    // A 202 promises the job: with everysec a crash takes back the promises of the last second.
    ["appendfsync", "always"],
    // Snapshots would add nothing to the append-only file but pauses.
    ["save", ""],
    // A full memory refuses new jobs rather than forgetting old ones.
    ["maxmemory-policy", "noeviction"],
    // Job records are hashes with a prompt in them: packed up to this size they take half the memory.
    ["hash-max-listpack-value", "1024"],
  ]
  if (socket !== undefined) settings.push(["unixsocket", socket], ["unixsocketperm", "700"])
  if (password !== undefined) settings.push(["requirepass", password])
  return settings
    .map(([name, ...values]) => [name, ...values.map((value) => JSON.stringify(value))].join(" "))
    .join("\n")
}
