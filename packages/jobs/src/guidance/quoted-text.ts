/**
 * Quotations of up to 300 characters. Straight quotation marks pair with themselves, single ones only where
 * they are no apostrophes.
 */
const quoted =
  /"[^"]{0,300}"|“[^”"]{0,300}[”"]|„[^“”"]{0,300}[“”"]|«[^»]{0,300}»|»[^«]{0,300}«|「[^」]{0,300}」|『[^』]{0,300}』|`[^`]{0,300}`|(?<![\p{L}\p{N}])'[^'\n]{1,300}'(?![\p{L}\p{N}])|(?<![\p{L}\p{N}])‘[^’\n]{1,300}’(?![\p{L}\p{N}])/gu

/** The prompt with a mark for each quotation: what is to be written in the picture says nothing about the rest. */
export const withoutQuoted = (prompt: string): string =>
  /["“„«»「『`'‘]/u.test(prompt) ? prompt.replaceAll(quoted, " ❞ ") : prompt
