import { JobFailure } from "@kiln/contract"

/** An answer with status 200 that cannot be read. The image may have been made, so it may be billed. */
export const unusableReply = (message: string, cause?: Error): JobFailure =>
  new JobFailure("upstream_error", message, {
    charged: "unknown",
    upstream: { status: 200 },
    ...(cause && { cause }),
  })
