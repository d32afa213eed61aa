import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { startFauxqs } from "fauxqs"

/** An S3-compatible server of the test's own, with a bucket. */
export async function startS3Server(): Promise<
  AsyncDisposable & { endpoint: string; bucket: string; s3: S3Client }
> {
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
    async [Symbol.asyncDispose]() {
      s3.destroy()
      await server.stop()
    },
  }
}
