import { S3Client } from "@aws-sdk/client-s3"

type S3Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

export type S3ClientOptions = {
  endpoint?: string | undefined
  region?: string | undefined
  forcePathStyle?: boolean | undefined
  /** The SDK's own chain (environment, profile, role) when absent. */
  credentials?: S3Credentials | undefined
  maxAttempts?: number | undefined
}

const maxSockets = 64
const connectMs = 5000
const idleMs = 60_000

/** The SDK writes to the console where it finds no logger of its own kind. */
const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

/** A client that every S3-compatible store understands. */
export function createS3Client(options: S3ClientOptions): S3Client {
  const { endpoint, region, credentials } = options
  const agent = { keepAlive: true, maxSockets }
  return new S3Client({
    ...(endpoint === undefined ? {} : { endpoint, region: "us-east-1" }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    maxAttempts: options.maxAttempts ?? 3,
    // The SDK's checksums come as chunk frames with a trailer, which many stores refuse and some keep as content.
    // The SHA-256 of the body is signed instead.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // With "Expect: 100-continue" the SDK opens a new connection each time and waits 6 s where the store ignores it.
    expectContinueHeader: false,
    logger: silent,
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: idleMs,
      httpAgent: agent,
      httpsAgent: agent,
      logger: silent,
    },
  })
}

function ignore(): void {}
