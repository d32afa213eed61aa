import { hash, timingSafeEqual } from "node:crypto"

const digest = (text: string) => hash("sha256", text, "buffer")

/** Whether this is `Authorization: Bearer <token>`, found out in the same time whatever it is. */
export const isBearer = (authorization: string | undefined, token: string): boolean =>
  timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`))
