import { Client } from "undici"

import { pinnedConnector, type PinnedConnectorOptions } from "./pinned-connector.ts"

/** A client for one origin that connects to the given addresses only. */
export function pinnedClient(origin: string, options: PinnedConnectorOptions): Client {
  return new Client(origin, { connect: pinnedConnector(options) })
}
