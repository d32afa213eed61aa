import { readFileSync } from "node:fs"

const source = (name: string) => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8")

/** What each script begins with, in this order. */
export const library = ["clock", "quota", "circuits", "deliveries", "events", "lib", "budgets"]
  .map(source)
  .join("\n")

/** A script as Redis gets it. */
export const scriptText = (name: string): string => `${library}\n${source(name)}`
