import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

import { DCLinter } from "dclint"
import { parse } from "yaml"
import { z } from "zod"

const FILE = fileURLToPath(new URL("../../docker-compose.yml", import.meta.url))
const text = readFileSync(FILE, "utf8")

const Service = z.looseObject({
  image: z.string(),
  restart: z.string(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  container_name: z.string().optional(),
  ports: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
})
const Compose = z.looseObject({ services: z.record(z.string(), Service) })

const { services } = Compose.parse(parse(text, { merge: true }))
const lasting = Object.entries(services).filter(([, { restart }]) => restart !== "no")

/** The order of keys is ours; the other two cannot see the address in an interpolated port, which has its own test. */
const NOT_OURS = [
  "services-alphabetical-order",
  "service-keys-order",
  "top-level-properties-order",
  "no-unbound-port-interfaces",
  "require-quotes-in-ports",
]

const LintResults = z.array(
  z.object({ messages: z.array(z.object({ line: z.number(), message: z.string() })) }),
)

test("the file is what the specification of Compose allows, and good practice", () => {
  const rules = Object.fromEntries(NOT_OURS.map((rule) => [rule, 0 as const]))
  const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] })
  const [result, ...others] = LintResults.parse(linter.lintFiles([FILE], false))
  assert.deepEqual(others, [])
  assert.deepEqual(result?.messages, [])
})

test("every secret is asked for, none is written down or has a default", () => {
  const secrets = text.matchAll(/\$\{(\w*(?:KEY|KEY_ID|PASSWORD|SECRET|TOKEN)\w*)(.*?)\}/g).toArray()
  assert.ok(secrets.length >= 8)
  for (const [whole, , rest] of secrets) assert.match(rest ?? "", /^:\?.+/, whole)
  for (const { environment } of Object.values(services)) {
    for (const [name, value] of Object.entries(environment)) {
      if (/KEY|PASSWORD|SECRET|TOKEN|AUTH/.test(name)) assert.match(value, /^\$\{\w+:\?.+\}$/, name)
    }
  }
})

for (const [name, { healthcheck }] of lasting) {
  test(`${name} tells whether it is healthy`, () => {
    assert.ok((healthcheck?.test.length ?? 0) > 1)
  })
}

for (const name of ["api", "worker"]) {
  test(`${name} gets only variables that it reads, with values that it accepts`, async () => {
    const shape = await shapeOf(name)
    const environment = services[name]?.environment ?? {}
    assert.deepEqual(
      Object.keys(environment).filter((variable) => !(variable in shape)),
      [],
    )
    const filledIn = Object.entries(environment).map(([variable, value]) => [variable, fillIn(value)])
    z.object(shape).parse(Object.fromEntries(filledIn))
  })

  test(`${name} starts after what it needs, from an entry file that exists`, () => {
    const { depends_on: needs, command } = services[name] ?? { depends_on: {}, command: "" }
    assert.deepEqual(needs, {
      bucket: { condition: "service_completed_successfully" },
      redis: { condition: "service_healthy" },
    })
    assert.match(
      readFileSync(new URL(`../../${[command].flat().at(-1)}`, import.meta.url), "utf8"),
      /runUntilSignal/,
    )
  })
}

test("there can be many workers: they have neither a name nor a port of their own", () => {
  assert.equal(services["worker"]?.container_name, undefined)
  assert.deepEqual(services["worker"]?.ports, [])
})

test("only the API and the images can be reached, and from this machine alone unless told otherwise", () => {
  const open = Object.entries(services).filter(([, { ports }]) => ports.length > 0)
  assert.deepEqual(
    open.map(([name]) => name),
    ["api", "s3"],
  )
  for (const [, { ports }] of open) assert.match(ports.join(), /^\$\{KILN_BIND:-127\.0\.0\.1\}:\d+:\d+$/)
})

test("Redis loses no job and evicts none", () => {
  const command = [services["redis"]?.command].flat().join(" ")
  for (const setting of [
    "--appendonly yes",
    "--appendfsync always",
    "--maxmemory-policy noeviction",
    "--hash-max-listpack-value 1024",
  ]) {
    assert.ok(command.includes(setting), setting)
  }
})

/** The shape that the process reads its environment with. */
async function shapeOf(name: string): Promise<z.ZodRawShape> {
  const exported: unknown = await import(import.meta.resolve(`../../apps/${name}/src/env.ts`))
  const Shape = z.record(z.string(), z.instanceof(z.core.$ZodType))
  return z.record(z.string(), Shape).parse({ ...Object(exported) })[`${name}Env`] ?? {}
}

/** What Compose would fill in: the default, or something where the operator must choose. */
function fillIn(value: string): string {
  return value.replaceAll(/\$\{\w+:([-?])(.*?)\}/g, (_, kind, rest) => (kind === "-" ? rest : "x".repeat(32)))
}
