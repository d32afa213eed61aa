/** Things that carry words and are hardly seen reading or saying anything else. */
const carriers =
  "sign|signs|signboard|signpost|text|caption|headline|slogan|tagline|inscription|lettering|banner|billboard|placard|plaque|label|title|marquee|word|words|letters|bubble"
/** Things on which words may stand, and which may be next to somebody who reads. */
const surfaces =
  "poster|t-?shirt|shirt|hoodie|badge|sticker|card|postcard|invitation|logo|neon|note|box|board|chalkboard|blackboard|mug|cup|cap|tag|screen|cover|flag|door mat|doormat|cake|window|box|bag|tote"
const tells =
  "that reads|which reads|that says|which says|that spells|which spells|spelling(?: out)?|that spells out"
/** What follows on `the word` where it brings no words. */
const bringsNone =
  "of|in|on|at|and|or|is|are|was|to|for|from|by|with|as|above|below|under|over|across|along|around|beside|near|inside|written|printed|set|placed|cent(?:er|re)d|carved|painted|engraved|that|which|processor|cloud|search|game|art|count"

const name = String.raw`[:,]? (?=[\p{L}\p{N}])`
const wordings = [
  new RegExp(String.raw`\b(?:${carriers}),? (?:reading|reads|saying|says|${tells})${name}`, "iu"),
  new RegExp(String.raw`\b(?:${surfaces}),? (?:${tells})${name}`, "iu"),
  new RegExp(
    String.raw`\b(?:${surfaces}),? (?:saying|says)${name}(?!(?:goodbye|farewell|grace|prayers?|hello to)\b)`,
    "iu",
  ),
  new RegExp(
    String.raw`\bthe (?:exact |following )?(?:words?|phrase|slogan)${name}(?!(?:${bringsNone})\b)`,
    "iu",
  ),
  // From here on the words are known by their capital letter, or by a colon before them.
  /\b(?:[Tt]he|[Aa]|[Ww]ith) (?:(?:big|bold|large|small|main|short) )?(?:text|title|caption|headline|tagline|message|inscription|lettering|name)(?: (?=\p{Lu}\p{Ll})|: ?(?=[\p{L}\p{N}]))/u,
  new RegExp(
    String.raw`\b(?:${carriers})(?: [\p{L}'’-]+){1,6} (?:reading|reads|saying|says) \p{Lu}[\p{L}'’]* \p{Lu}`,
    "u",
  ),
  /\b(?:text|title|caption|headline|tagline|slogan): ?(?!(?:none|no|n\/a)\b)(?=[\p{L}\p{N}])/iu,
  /\b(?:titled|captioned|labell?ed|inscribed(?: with)?)(?: (?=\p{Lu}\p{Ll})|: ?(?=[\p{L}\p{N}]))/u,
]

/** One of these is in every wording; prompts with none need no closer look. */
const inkling =
  /read|say|spell|word|phrase|slogan|text|title|caption|headline|tagline|message|inscri|lettering|name|label/iu

/** Whether a prompt that quotes nothing asks, in English, for words in the picture. */
export function asksForUnquotedText(prompt: string): boolean {
  if (!inkling.test(prompt)) return false
  const text = prompt.replaceAll(/\s+/g, " ")
  return wordings.some((wording) => wording.test(text))
}
