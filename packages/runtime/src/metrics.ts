import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client"

type Described<Label extends string> = { name: string; help: string; labels?: readonly Label[] }

export type Metrics = ReturnType<typeof createMetrics>

/** The metrics of a process in the format of Prometheus, its own memory, processor time and event loop among them. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  return {
    contentType: registry.contentType,
    text: (): Promise<string> => registry.metrics(),

    counter: <Label extends string = never>({ name, help, labels = [] }: Described<Label>) =>
      new Counter<Label>({ name, help, labelNames: labels, registers }),

    gauge: <Label extends string = never>({ name, help, labels = [] }: Described<Label>) =>
      new Gauge<Label>({ name, help, labelNames: labels, registers }),

    histogram: <Label extends string = never>({
      name,
      help,
      labels = [],
      buckets,
    }: Described<Label> & { buckets: number[] }) =>
      new Histogram<Label>({ name, help, labelNames: labels, buckets, registers }),
  }
}
