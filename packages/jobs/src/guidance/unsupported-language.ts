/** The scripts of the languages that the models know well. */
const supported = ["Latin", "Arabic", "Devanagari", "Han", "Hiragana", "Katakana", "Hangul", "Cyrillic"]
const supportedLetter = new RegExp(
  `[${supported.map((script) => String.raw`\p{Script=${script}}`).join("")}]`,
  "u",
)

/** Scripts that can be named; every other one is noticed too. */
const nameable = [
  "Thai",
  "Hebrew",
  "Greek",
  "Georgian",
  "Armenian",
  "Tamil",
  "Telugu",
  "Bengali",
  "Gujarati",
  "Gurmukhi",
  "Kannada",
  "Malayalam",
  "Sinhala",
  "Khmer",
  "Lao",
  "Myanmar",
  "Ethiopic",
  "Tibetan",
  "Mongolian",
].map((name) => ({ name: `${name} script`, letter: new RegExp(String.raw`\p{Script=${name}}`, "u") }))

/** Letters that only other languages of a supported script have: Persian, Urdu; Serbian, Macedonian, Kazakh, Belarusian. */
const foreign = [
  { name: "Arabic script, but not in Arabic", letter: /[پچژگکیےںٹڈڑہھ]/u, script: /\p{Script=Arabic}/u },
  {
    name: "Cyrillic script, but neither in Russian nor in Ukrainian",
    letter: /[ђјљњћџѓѕќәғқңөұүһў]/iu,
    script: /\p{Script=Cyrillic}/u,
  },
]

const fewestLetters = 4
/** A brand or a number of foreign words in a prompt is usual; this much is its language. */
const share = 0.4
/** In Persian or Serbian every tenth letter is one that Arabic or Russian has not. */
const foreignShare = 0.05
const fewestForeign = 3

/** The script of a prompt whose language the models do not know well; undefined where that is not sure. */
export function unsupportedLanguage(prompt: string): string | undefined {
  // Nothing beyond the Latin blocks: nearly every prompt, and the rest is dear.
  if (!/[\u0370-\u{10ffff}]/u.test(prompt)) return undefined
  const letters = prompt.match(/\p{L}/gu) ?? []
  const strange = letters.filter((letter) => !supportedLetter.test(letter) && isOfScript(letter))
  if (strange.length >= fewestLetters && strange.length >= letters.length * share) {
    return nameable.find(({ letter }) => letter.test(strange[0] ?? ""))?.name ?? "a script of its own"
  }
  return foreign.find(({ letter, script }) => {
    const own = letters.filter((one) => script.test(one)).length
    const theirs = letters.filter((one) => letter.test(one)).length
    return own >= letters.length * share && theirs >= fewestForeign && theirs >= own * foreignShare
  })?.name
}

/** Letter-like signs, such as the prolonged sound mark of kana, belong to no script. */
const isOfScript = (letter: string): boolean => !/[\p{Script=Common}\p{Script=Inherited}]/u.test(letter)
