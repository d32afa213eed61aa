/** Words that tie others into phrases, of the supported languages in Latin letters; keyword lists have hardly any. */
const tying = new Set(
  `a an the of on in at with by from into under over beside behind above below through between near and or is are
  was has have that which who its his her their as to for while like
  ein eine einen einem einer der die das den dem des mit auf im am und von vor hinter neben unter über ist sind
  un una uno el la los las de del al con en y sobre por es son
  le les des du au aux avec dans sur sous et est sont une
  il lo gli di da nel nella sul sulla e sono che
  um uma o os as do da na nos nas com em sob são
  yang di dan dengan pada dari sebuah seekor
  một của và với trên trong những`.split(/\s+/),
)

const fewestItems = 4
const mostWords = 3

/** Whether a prompt is a bare list of keywords. Only Latin letters are judged: other scripts join words differently. */
export function isKeywordList(prompt: string): boolean {
  if ((prompt.match(/[,;|\n]/g)?.length ?? 0) < fewestItems - 1) return false
  const text = prompt.trim().replace(/[.!\s]{1,20}$/, "")
  if (/[.!?:](?:\s|$)/.test(text) || !isLatin(text)) return false
  const items = text
    .split(/[,;|\n]/)
    .map((item) => item.trim())
    .filter((item) => item !== "")
  const [first = ""] = items
  if (items.length < fewestItems || isPhrase(first)) return false
  return items.filter(isPhrase).length <= items.length / 5
}

function isPhrase(item: string): boolean {
  const words = item.toLowerCase().split(/\s+/)
  return words.length > mostWords || words.some((word) => tying.has(word))
}

function isLatin(text: string): boolean {
  if (!/[\u0080-\u{10ffff}]/u.test(text)) return /[a-z]/i.test(text)
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0
  return letters > 0 && latin >= letters * 0.9
}
