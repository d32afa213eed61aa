// Runs before `npm start` and `npm test`, by whatever Node is there, when nothing may be installed yet: no dependency
// and no syntax that an old Node cannot parse. Does nothing, quickly, when everything is in place.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const isDryRun = process.argv.includes("--dry-run")
const LOCK_TIMEOUT_MS = 10 * 60_000

/** Kiln runs a Redis of its own: the package's service is neither started now nor at the next boot. */
const APT_SCRIPT = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  trap 'exit 1' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
apt-get -qq update
apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends redis-server >/dev/null
if command -v systemctl >/dev/null; then systemctl --quiet disable redis-server 2>/dev/null || true; fi
`

requireNode()
if (needsPackages() || needsRedis()) {
  withLock(() => {
    if (needsPackages()) installPackages()
    if (needsRedis()) installRedis()
  })
}

function requireNode() {
  const major = Number(process.versions.node.split(".")[0])
  if (major < 20) fail(`Kiln needs Node 20 or newer to start, and this is Node ${process.versions.node}.`)
}

function needsPackages() {
  const lock = join(root, "package-lock.json")
  const installed = join(root, "node_modules/.package-lock.json")
  if (!existsSync(installed) || !existsSync(join(root, "node_modules/.bin/node"))) return true
  return statSync(lock).mtimeMs > statSync(installed).mtimeMs && !isSameTree(lock, installed)
}

/** A checkout renews the time of an unchanged lockfile; packages for other platforms are never installed. */
function isSameTree(lock, installed) {
  const wanted = JSON.parse(readFileSync(lock, "utf8")).packages
  const found = JSON.parse(readFileSync(installed, "utf8")).packages
  const isThere = ([path, entry]) => {
    if (path === "" || !path.startsWith("node_modules/")) return true
    return found[path] === undefined ? entry.optional === true : found[path].version === entry.version
  }
  return (
    Object.entries(wanted).every(isThere) && Object.keys(found).every((path) => wanted[path] !== undefined)
  )
}

function installPackages() {
  say("Installing Kiln's packages (npm ci), once.")
  // The packages for development are needed: one of them is the Node that Kiln runs on.
  const args = ["ci", "--loglevel=error", "--include=dev"]
  const npm = process.env.npm_execpath
  const ended = npm?.endsWith(".js")
    ? run(process.execPath, [npm, ...args])
    : run("npm", args, { shell: process.platform === "win32" })
  if (ended.status !== 0) fail("npm ci failed: see above.")
  if (!isDryRun && needsPackages()) fail("npm ci left out packages: remove node_modules and try again.")
}

function needsRedis() {
  return !process.env.REDIS_URL && !onPath("redis-server") && !onPath("valkey-server")
}

function installRedis() {
  const prefix = existsSync("/usr/bin/apt-get") ? rootPrefix() : undefined
  if (prefix === undefined) fail(`Kiln needs a Redis server: run \`${redisCommand()}\`, or set REDIS_URL.`)
  say("Installing Debian's redis-server package (apt-get), once; its service is not started.")
  const [command, ...args] = [...prefix, "sh", "-c", APT_SCRIPT]
  // apt warns about matters of no interest here; what it says is shown only when it fails.
  const ended = run(command, args, { stdio: ["ignore", "ignore", "pipe"] })
  if (ended.status !== 0) process.stderr.write(ended.stderr ?? "")
  if (ended.status !== 0 || (!isDryRun && needsRedis())) {
    fail(`Redis could not be installed: run \`${redisCommand()}\`, or set REDIS_URL.`)
  }
}

/** What to put before a command to run it as root without asking anything; undefined if that is impossible. */
function rootPrefix() {
  if (process.getuid?.() === 0) return []
  const sudo = onPath("sudo") && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0
  return sudo ? ["sudo", "-n"] : undefined
}

function redisCommand() {
  const commands = {
    "apt-get": "sudo apt-get install -y redis-server",
    brew: "brew install redis",
    dnf: "sudo dnf install -y redis",
    pacman: "sudo pacman -S valkey",
    apk: "sudo apk add redis",
    zypper: "sudo zypper install redis",
  }
  const manager = Object.keys(commands).find(onPath)
  return commands[manager ?? "brew"]
}

function onPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, command)))
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Two runs at once would delete each other's node_modules: the second waits, then finds nothing left to do. */
function withLock(work) {
  const lock = join(tmpdir(), `kiln-prepare-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`)
  const deadline = Date.now() + LOCK_TIMEOUT_MS
  while (!tryLock(lock)) {
    if (Date.now() > deadline) fail(`Another run is still installing; if there is none, remove ${lock}.`)
    if (!isOwned(lock)) rmSync(lock, { recursive: true, force: true })
    else pause(250)
  }
  process.on("exit", () => rmSync(lock, { recursive: true, force: true }))
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1))
  work()
}

function tryLock(lock) {
  try {
    mkdirSync(lock)
    writeFileSync(join(lock, "pid"), String(process.pid))
    return true
  } catch (error) {
    if (error.code === "EEXIST") return false
    throw error
  }
}

function isOwned(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, "pid"), "utf8")), 0)
    return true
  } catch (error) {
    // Without its pid the lock was made a moment ago, or its owner died that moment: give it a few seconds.
    if (error.code !== "ENOENT") return error.code === "EPERM"
    return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) < 5000
  }
}

function run(command, args, options = {}) {
  if (isDryRun) {
    say(`would run: ${[command, ...args].join(" ")}`)
    return { status: 0 }
  }
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"], ...options })
}

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function fail(sentence) {
  say(sentence)
  process.exit(1)
}
