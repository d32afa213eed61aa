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

/** What reads as something, or says nothing, is meant another way. */
const name = String.raw`[:,]? (?!(?:as|nothing)\b)(?=[\p{L}\p{N}])`
/** Wordings by a word that all of a group have: most prompts have none, and need no closer look. */
type Group = {
  inkling: RegExp
  /** They see the prompt in lower case: to ignore case is what makes a pattern slow. */
  wordings: readonly RegExp[]
  cased: readonly RegExp[]
}

const groups: readonly Group[] = [
  {
    inkling: /\b(?:read|say|spell)(?:ing|s)\b/i,
    wordings: [
      new RegExp(String.raw`\b(?:${carriers}),? (?:reading|reads|saying|says|${tells})${name}`, "u"),
      new RegExp(String.raw`\b(?:${surfaces}),? (?:${tells})${name}`, "u"),
      new RegExp(
        String.raw`\b(?:${surfaces}),? (?:saying|says)${name}(?!(?:goodbye|farewell|grace|prayers?|hello to)\b)`,
        "u",
      ),
    ],
    // Farther from its verb a text is known by its capital letters.
    cased: [
      new RegExp(
        String.raw`\b(?:${carriers})(?: [\p{L}'’-]+){1,6} (?:reading|reads|saying|says) \p{Lu}[\p{L}'’]* \p{Lu}`,
        "u",
      ),
    ],
  },
  {
    inkling: /\b(?:words?|phrase|slogan)\b/i,
    wordings: [
      new RegExp(
        String.raw`\bthe (?:exact |following )?(?:words?|phrase|slogan)${name}(?!(?:${bringsNone})\b)`,
        "u",
      ),
    ],
    cased: [],
  },
  {
    // From here on the words are known by their capital letter, or by a colon before them.
    inkling: /\b(?:text|title|caption|headline|tagline|message|inscription|lettering|name|slogan)[\s:]/i,
    wordings: [/\b(?:text|title|caption|headline|tagline|slogan): ?(?!(?:none|no|n\/a)\b)(?=[\p{L}\p{N}])/u],
    cased: [
      /\b(?:[Tt]he|[Aa]|[Ww]ith) (?:(?:big|bold|large|small|main|short) )?(?:text|title|caption|headline|tagline|message|inscription|lettering|name)(?: (?=\p{Lu}\p{Ll})|: ?(?=[\p{L}\p{N}]))/u,
    ],
  },
  {
    inkling: /\b(?:titled|captioned|labell?ed|inscribed)\b/,
    wordings: [],
    cased: [/\b(?:titled|captioned|labell?ed|inscribed(?: with)?)(?: (?=\p{Lu}\p{Ll})|: ?(?=[\p{L}\p{N}]))/u],
  },
]

/** Whether a prompt that quotes nothing asks, in English, for words in the picture. */
export function asksForUnquotedText(prompt: string): boolean {
  const near = groups.filter(({ inkling }) => inkling.test(prompt))
  if (near.length === 0) return false
  const text = prompt.replaceAll(/\s+/g, " ")
  const lower = text.toLowerCase()
  return near.some(
    ({ wordings, cased }) =>
      wordings.some((wording) => wording.test(lower)) || cased.some((wording) => wording.test(text)),
  )
}
