import { z } from "zod"

/** RFC 3339 knows the years 0 to 9999; an offset may lead out of them. */
function hasFourDigits(text: string): boolean {
  const time = new Date(text)
  return Number.isNaN(time.getTime()) || /^\d{4}-/.test(time.toISOString())
}

/** A time that a caller gives: RFC 3339 with an offset or `Z`. */
export const moment = z.iso
  .datetime({ offset: true })
  .refine(hasFourDigits, "must be between the years 0000 and 9999 in UTC")
