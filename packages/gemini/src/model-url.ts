/** Where a model is served. */
export type Endpoint = { baseUrl: string; apiVersion: string; apiModel: string }

/** `{base}/{version}/models/{model}`; an empty version drops its segment, as gateways without one expect. */
export function modelUrl({ baseUrl, apiVersion, apiModel }: Endpoint): URL {
  const url = new URL(baseUrl)
  const segments = [url.pathname, apiVersion, "models", apiModel.replace(/^models\//, "")]
    .flatMap((part) => part.split("/"))
    .filter((segment) => segment !== "")
  url.pathname = `/${segments.join("/")}`
  url.search = ""
  return url
}
