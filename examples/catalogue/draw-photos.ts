import { mkdir } from "node:fs/promises"
import { join } from "node:path"

import sharp from "sharp"

/** Draws the photos of the catalogue: `node examples/catalogue/draw-photos.ts`. */

const width = 640
const height = 480
const folder = join(import.meta.dirname, "photos")

/** Each product stands on the floor line in the middle of the picture. */
const products: Record<string, string> = {
  "mug-red": mug("#c0392b"),
  "mug-blue": mug("#2c5f8a"),
  "bowl-sand": `<path d="M200 250h240c0 90-50 130-120 130s-120-40-120-130z" fill="#d9b382"/><ellipse cx="320" cy="250" rx="120" ry="22" fill="#b98e5a"/>`,
  "vase-green": `<path d="M285 120h70l-12 60c60 40 70 90 40 200h-126c-30-110-20-160 40-200z" fill="#5b8c6e"/><ellipse cx="320" cy="120" rx="35" ry="9" fill="#3f664f"/>`,
  "bottle-steel": `<rect x="270" y="170" width="100" height="210" rx="18" fill="#9aa5b1"/><rect x="290" y="110" width="60" height="66" rx="10" fill="#3d4752"/><rect x="282" y="190" width="14" height="170" rx="7" fill="#cfd6dd"/>`,
  "lamp-yellow": `<path d="M250 220l36-100h68l36 100z" fill="#e8b923"/><rect x="312" y="220" width="16" height="140" fill="#6b5b2e"/><ellipse cx="320" cy="368" rx="66" ry="14" fill="#6b5b2e"/>`,
  "clock-walnut": `<circle cx="320" cy="260" r="120" fill="#6f4e37"/><circle cx="320" cy="260" r="98" fill="#f6f1e7"/><path d="M320 260V180M320 260l52 34" stroke="#222" stroke-width="9" stroke-linecap="round"/>`,
  "cushion-teal": `<path d="M190 170q130 34 260 0q-30 105 0 210q-130-34-260 0q30-105 0-210z" fill="#1f8a8c"/><circle cx="320" cy="275" r="10" fill="#14605f"/>`,
  "candle-white": `<rect x="270" y="210" width="100" height="170" rx="8" fill="#f4efe6" stroke="#d8cfbd" stroke-width="3"/><path d="M320 210v-26" stroke="#444" stroke-width="5"/><path d="M320 140q26 30 0 48q-26-18 0-48z" fill="#f39c12"/>`,
  "tote-canvas": `<path d="M275 210q0-100 45-100t45 100" fill="none" stroke="#8a6d3b" stroke-width="14"/><path d="M220 205h200l16 175H204z" fill="#eadbb8"/><circle cx="320" cy="295" r="36" fill="#c0392b"/>`,
  "teapot-black": `<ellipse cx="315" cy="300" rx="105" ry="80" fill="#2b2b2e"/><path d="M405 280q60-10 70-70" fill="none" stroke="#2b2b2e" stroke-width="22"/><path d="M212 260q-66 40 6 90" fill="none" stroke="#2b2b2e" stroke-width="18"/><circle cx="315" cy="212" r="14" fill="#7c5c3b"/>`,
  "plant-pot": `<path d="M245 270h150l-22 110H267z" fill="#b5573a"/><path d="M320 270q-90-30-80-120q80 20 80 120q0-120 70-140q30 90-70 140z" fill="#3f8f4f"/>`,
}

function mug(colour: string): string {
  return `<path d="M400 230q80 0 70 60t-80 50" fill="none" stroke="${colour}" stroke-width="24"/><path d="M230 190h180v150q0 40-40 40H270q-40 0-40-40z" fill="${colour}"/><ellipse cx="320" cy="190" rx="90" ry="18" fill="#3b2a1f"/>`
}

const photo = (product: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
    <rect width="${width}" height="${height}" fill="#f3f3f1"/>
    <rect y="330" width="${width}" height="150" fill="#e3e2de"/>
    <ellipse cx="320" cy="384" rx="150" ry="16" fill="#c9c7c1"/>
    ${product}
  </svg>`

await mkdir(folder, { recursive: true })
for (const [name, product] of Object.entries(products)) {
  const { size } = await sharp(Buffer.from(photo(product)))
    .png({ palette: true, colours: 64, effort: 10, compressionLevel: 9 })
    .toFile(join(folder, `${name}.png`))
  console.log(`${name}.png  ${size} bytes`)
}
