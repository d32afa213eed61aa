import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { startFauxqs } from "fauxqs"

type S3Server = AsyncDisposable & {
  endpoint: string
  bucket: string
  s3: S3Client
  /** What Kiln is told to keep its images there. */
  env: Record<string, string>
}

/** An S3-compatible server of the test's own, with a bucket. */
export async function startS3Server(): Promise<S3Server> {
  const server = await startFauxqs({ port: 0, logger: false, host: "127.0.0.1" })
  const endpoint = `http://127.0.0.1:${server.port}`
  const bucket = "kiln-test"
  const s3 = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  })
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  return {
    endpoint,
    bucket,
    s3,
    env: {
      KILN_STORAGE: `s3://${bucket}`,
      S3_ENDPOINT: endpoint,
      S3_FORCE_PATH_STYLE: "true",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    },
    async [Symbol.asyncDispose]() {
      s3.destroy()
      await server.stop()
    },
  }
}
