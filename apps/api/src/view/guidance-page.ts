import { guidanceTopics, type GuidanceTopic } from "@kiln/jobs"

const style = `
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #222 }
  h1, h2 { line-height: 1.25 }
  h2 { margin-top: 2.5rem }
  code { font-size: 0.875rem; color: #666 }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem }
  dt { color: #666 }
  dd { margin: 0 }
  section:target h2 { background: #fff3c4 }
`

/** The advice that warnings link to, as one page; the code of each is its anchor. */
export const guidancePage = (): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kiln: writing prompts</title>
<style>${style}</style>
</head>
<body>
<h1>Writing prompts</h1>
<p>Kiln takes every prompt as it is. Where one goes against what the models are known to do well with, the job
says so in its <code>warnings</code>, with one of these codes. The templates of <code>GET /v1/templates</code> are
prompts that need none of it.</p>
${Object.entries(guidanceTopics)
  .map(([code, topic]) => section(code, topic))
  .join("\n")}
</body>
</html>
`

const section = (code: string, { title, advice, examples }: GuidanceTopic): string => `<section id="${code}">
<h2>${escape(title)}</h2>
<p><code>${code}</code></p>
<p>${escape(advice)}</p>
${examples.map(({ not, write }) => `<dl><dt>Instead of</dt><dd>${escape(not)}</dd><dt>write</dt><dd>${escape(write)}</dd></dl>`).join("\n")}
</section>`

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }
const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (mark) => entities[mark] ?? mark)
