/** What an Imagen model could do while the API served it. */
export type ImagenModel = { id: string; displayName: string; sizes: readonly string[]; mostSamples: number }

export const imagenModels: readonly ImagenModel[] = [
  { id: "imagen-4.0-generate-001", displayName: "Imagen 4", sizes: ["1K", "2K"], mostSamples: 4 },
  { id: "imagen-4.0-ultra-generate-001", displayName: "Imagen 4 Ultra", sizes: ["1K", "2K"], mostSamples: 1 },
  { id: "imagen-4.0-fast-generate-001", displayName: "Imagen 4 Fast", sizes: ["1K"], mostSamples: 4 },
]

/** Pixels at 1K; 2K has twice as many a side. */
export const imagenPixels: Readonly<Record<string, readonly [width: number, height: number]>> = {
  "1:1": [1024, 1024],
  "3:4": [896, 1280],
  "4:3": [1280, 896],
  "9:16": [768, 1408],
  "16:9": [1408, 768],
}

/** An Imagen model as `models.get` answered it. */
export const imagenResource = ({ id, displayName }: ImagenModel) => ({
  name: `models/${id}`,
  version: "001",
  displayName,
  description: `${displayName}, as the emulator plays it`,
  inputTokenLimit: 480,
  outputTokenLimit: 8192,
  supportedGenerationMethods: ["predict"],
})
