/** Where a model is served. */
export type Endpoint = { baseUrl: string; apiVersion: string; apiModel: string }

/** `{base}/{version}/models/{model}`; an empty version drops its segment, as gateways without one expect. */
export const modelUrl = ({ baseUrl, apiVersion, apiModel }: Endpoint): URL =>
  joined(baseUrl, [apiVersion, "models", apiModel.replace(/^models\//, "")])

/** Where uploads to the same upstream begin: `{base}/upload/{version}/files`. */
export const uploadUrl = ({ baseUrl, apiVersion }: Omit<Endpoint, "apiModel">): URL =>
  joined(baseUrl, ["upload", apiVersion, "files"])

/** What it tells of an uploaded file; `name` is `files/…`. */
export const fileUrl = ({ baseUrl, apiVersion }: Omit<Endpoint, "apiModel">, name: string): URL =>
  joined(baseUrl, [apiVersion, name])

function joined(baseUrl: string, path: readonly string[]): URL {
  const url = new URL(baseUrl)
  const segments = [url.pathname, ...path]
    .flatMap((part) => part.split("/"))
    .filter((segment) => segment !== "")
  url.pathname = `/${segments.join("/")}`
  url.search = ""
  return url
}
