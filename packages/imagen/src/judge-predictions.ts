import { JobFailure, type Charged, type JobFailureCode } from "@kiln/contract"
import { camelCaseKeys, lenient, unusableReply, type Blob, type Redact } from "@kiln/upstream"
import { z } from "zod"

/** The images of a reply are its numbers; see `readReply`. */
const Prediction = z.object({
  bytesBase64Encoded: lenient(z.string()),
  raiFilteredReason: lenient(z.string()),
})
const Reply = z.object({ predictions: lenient(z.array(Prediction.catch({}))) })

/** The image of a reply with status 200; throws the JobFailure for a reply without. */
export function judgePredictions(json: string, blobs: readonly Blob[], redact: Redact): Blob {
  const predictions = parse(json).predictions ?? []
  const images = predictions.flatMap(
    ({ bytesBase64Encoded: number }) => blobs.find((blob) => String(blob.number) === number) ?? [],
  )
  const image = images.find(({ isIntact }) => isIntact)
  if (image) return image
  const reason = predictions.find(({ raiFilteredReason }) => raiFilteredReason)?.raiFilteredReason
  if (reason)
    throw failed("content_blocked", "no", "The model's safety filter withheld the image", redact(reason))
  if (images.length > 0) throw failed("upstream_error", "yes", "The image in the model's answer is damaged")
  // What is filtered before it is painted leaves no prediction at all.
  throw failed("no_image", "no", "The model answered without an image")
}

function parse(json: string): z.infer<typeof Reply> {
  try {
    return Reply.parse(camelCaseKeys(JSON.parse(json)))
  } catch {
    throw unusableReply("The model's answer is not the JSON that was expected")
  }
}

const failed = (code: JobFailureCode, charged: Charged, text: string, message?: string) =>
  new JobFailure(code, text, { charged, upstream: { status: 200, message } })
