import type { GenerateRequest } from "../messages/generate-request.ts"

/** What an answer says of its sources when the request brought the search tool; the sources are invented. */
export function groundingOf({ tools = [] }: GenerateRequest, prompt: string): object | undefined {
  const search = tools.find((tool) => tool.googleSearch !== undefined)?.googleSearch
  if (search === undefined) return undefined
  const query = prompt.slice(0, 60)
  const { imageSearch, webSearch } = search.searchTypes ?? {}
  const web = { web: { uri: "https://example.com/emulated-source", title: "example.com" } }
  const image = {
    image: {
      sourceUri: "https://example.com/emulated-page",
      imageUri: "https://example.com/emulated.jpg",
      title: "Emulated picture",
      domain: "example.com",
    },
  }
  const usesWeb = webSearch !== undefined || imageSearch === undefined
  return {
    searchEntryPoint: { renderedContent: '<div class="container">Emulated search suggestions</div>' },
    groundingChunks: [...(usesWeb ? [web] : []), ...(imageSearch === undefined ? [] : [image])],
    ...(usesWeb && { webSearchQueries: [query] }),
    ...(imageSearch !== undefined && { imageSearchQueries: [query] }),
    groundingSupports: [],
  }
}
