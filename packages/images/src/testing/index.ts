export { damaged, sampleImages, seeded } from "./damaged-images.ts"
