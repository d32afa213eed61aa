/** At the start of a clause these are orders to the painter; elsewhere they belong to the scene. */
const start = String.raw`(?:^|[.,;:!()\n]|\b(?:and|but|please)\b)\s?(?:please )?`
const shown =
  "include|add|show|draw|use|put|have|make|render|generate|want|place|depict|write|contain|display"

/** What an edit is to leave as it is: said so it works, and nothing is named that could appear. */
const changing =
  "changing|altering|modifying|editing|affecting|touching|moving|cropping|distorting|stretching|resizing|rotating|covering|losing|damaging|removing|replacing"
const changes = String.raw`(?:any )?(?:(?:other|further|more|additional) )?(?:changes?|edits?|alterations?|modifications?|adjustments?)\b`

/** `no` before a name, a number, a sign that forbids, a claim of a label, or in a set phrase. */
const harmlessNo = String.raw`(?:${changes}|need\b|added\b|one\b|man['’]?s\b|matter\b|doubt\b|longer\b|less\b|more than\b|time\b|big deal\b|\d|\w+(?: \w+)? (?:sign|signs|zone|symbol|icon|area)\b)`
const harmlessWithout = String.raw`(?:${changes}|(?:${changing}|added)\b|(?:(?:a|any) )?(?:end|limits?|doubt|warning|hesitation|fear|saying|question|borders)\b)`

const wordings = [
  new RegExp(
    String.raw`(?<![-/\w.]|\b(?:yes or|yes and|dr\.?|say|says|saying) )no (?!${harmlessNo})\p{L}[\p{L}'’-]*`,
    "iu",
  ),
  new RegExp(String.raw`(?<!goes )\bwithout (?!${harmlessWithout})\p{L}+(?: \p{L}+)?`, "iu"),
  new RegExp(
    String.raw`\b(?:do not|don['’]?t|should not|shouldn['’]?t|must not|mustn['’]?t) (?:(?:${shown})\b(?! (?:${changes}|anything else\b))|be\b)`,
    "iu",
  ),
  new RegExp(
    String.raw`${start}(?:avoid|exclude|omit|leave out|never (?:${shown}))\b(?! (?:${changes}|(?:${changing})\b))[^.,;\n]{0,40}`,
    "iu",
  ),
  /\bnegative prompts?\b/iu,
  /(?:^|\s)--no\s+\p{L}+/iu,
]

/** One of these is in every wording; most prompts have none, and need no closer look. */
const inkling =
  /\bno\b|without|\bnot\b|\b(?:do|should|must)n['’]?t\b|avoid|exclude|omit|leave out|never|negative/iu

/** `no` is a word of these languages too, and in Portuguese it says where something is. */
const romance =
  /(?<!\p{L})(?:um|uma|com|da|dos|das|na|nas|ao|os|que|el|los|las|del|con|una|un|por|para|il|lo|gli|della|nel|nella|di|de|la|le|en|y|e|o|sob)(?!\p{L})|[ãõñçáéíóúàèìòù]/giu
const english = /\b(?:the|an|of|with|and|on|is|are|at|by|for|from|in|to)\b/giu
const count = (text: string, words: RegExp): number => text.match(words)?.length ?? 0
const isEnglish = (text: string): boolean => count(text, romance) <= count(text, english)

const mostTold = 60

/** The words with which a prompt says, in English, what is not to be seen; undefined when it does not. */
export function negativeWording(prompt: string): string | undefined {
  if (!inkling.test(prompt)) return undefined
  const text = prompt.replaceAll(/\s+/g, (space) => (space.includes("\n") ? "\n" : " "))
  if (!isEnglish(text)) return undefined
  for (const wording of wordings) {
    const found = wording.exec(text)?.[0]
    if (found !== undefined)
      return found
        .replace(/^[^\p{L}-]+/u, "")
        .trim()
        .slice(0, mostTold)
  }
  return undefined
}
