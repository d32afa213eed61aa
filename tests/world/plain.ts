/**
 * For jobs that are many and not about their pictures: with the same prompt too the upstream paints it only once, and no
 * worker has to convert it.
 */
export const plain = { seed: 7, output_format: "jpeg" } as const
