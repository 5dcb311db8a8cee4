// Starts the suite's origin and the program before it, runs the suite's client, and compares every result with
// expected.txt. Ports are the system's choice, everything is in a folder of its own, and what it started it ends.

import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'

const [folder, program, countText, ...only] = process.argv.slice(2)
const suite = path.resolve(folder, 'package')
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const PATIENCE_MS = 60_000

const load = file => import(pathToFileURL(path.join(suite, file)))
const { runTests, getResults } = await load('client/runner.mjs')
const { testResults } = await load('client/test.mjs')
const suites = (await load('tests/index.mjs')).default
const fetch = createRequire(path.resolve(folder, 'node_modules/'))('node-fetch')

// A test changes its own requests while it runs.
const pristine = structuredClone(suites)
const tests = new Map()
for (const group of pristine) {
  for (const test of group.tests) {
    if (!test.browser_only) tests.set(test.id, test)
  }
}
if (tests.size !== Number(countText)) throw new Error(`the suite has ${tests.size} tests, not ${countText}`)

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'rempart-cache-suite-'))
const children = []
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  fs.rmSync(temporary, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

// Ends what was started and then this.
async function end (code) {
  http.globalAgent.destroy()
  const ended = children.map(child => new Promise(resolve => child.once('exit', resolve)))
  for (const child of children) child.kill('SIGTERM')
  await Promise.race([Promise.all(ended), new Promise(resolve => setTimeout(resolve, PATIENCE_MS))])
  process.exit(code)
}

// Starts a program and waits for a line.
function start (command, args, options, stream, pattern) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  children.push(child)
  const said = []
  return new Promise((resolve, reject) => {
    const fail = why => reject(new Error(`${command} ${why}:\n${said.join('\n')}`))
    const timer = setTimeout(() => fail(`did not say ${pattern}`), PATIENCE_MS)
    child.on('error', error => fail(String(error)))
    child.on('exit', code => fail(`ended with ${code}`))
    for (const name of ['stdout', 'stderr']) {
      readline.createInterface({ input: child[name] }).on('line', line => {
        said.push(line)
        const found = name === stream && line.match(pattern)
        if (!found) return
        clearTimeout(timer)
        resolve(found[1])
      })
    }
  })
}

const originPort = await start(process.execPath, ['server/server.mjs'], {
  cwd: suite,
  env: {
    ...process.env,
    npm_config_protocol: 'http',
    npm_config_port: '0',
    npm_config_pidfile: path.join(temporary, 'origin.pid')
  }
}, 'stdout', /:(\d+)\/$/)

const configuration = path.join(temporary, 'rempart.yaml')
fs.writeFileSync(configuration, `listen:
  http: ["127.0.0.1:0"]
data_dir: ./data
user: root
admin:
  listen: off
zones:
  - name: cache.test
    hosts: ["*"]
    origins: ["http://127.0.0.1:${originPort}"]
    cache: {level: everything, heuristic: on, store_set_cookie: on}
`)
const address = await start(path.resolve(program), ['up', '-c', configuration], {}, 'stderr', /serving http:\/\/(\S+)/)

// Runs tests, a hundred at a time as the suite does, or one by one.
async function run (ids, chunk, dump) {
  const groups = structuredClone(pristine).map(group => ({
    ...group,
    tests: group.tests.filter(test => ids.has(test.id)).map(test => ({ ...test, dump }))
  }))
  for (const id of ids) delete testResults[id]
  const knew = new Set(Object.keys(testResults))
  // The runner remembers what it ran before: each call gets a module of its own.
  const runner = knew.size === 0 ? runTests : (await import(`${pathToFileURL(path.join(suite, 'client/runner.mjs'))}?${Date.now()}`)).runTests
  await runner(groups, fetch, false, `http://${address}`, chunk)
}

if (only.length > 0) {
  await run(new Set(only), 1, true)
  console.log(JSON.stringify(getResults(), null, 2))
  await end(0)
}

// `fails ID` and `no ID`, one a line.
const expected = new Map()
for (const line of fs.readFileSync(path.join(here, 'expected.txt'), 'utf8').split('\n')) {
  const [what, id] = line.replace(/#.*/, '').trim().split(/\s+/)
  if (!what) continue
  const kind = tests.get(id)?.kind ?? 'required'
  if (!tests.has(id) || what !== (kind === 'check' ? 'no' : 'fails')) throw new Error(`expected.txt: ${line}`)
  expected.set(id, what)
}
const documented = fs.readFileSync(path.join(here, '../../docs/caching.md'), 'utf8')
for (const [id, what] of expected) {
  if (what === 'fails' && !documented.includes(`\`${id}\``)) throw new Error(`docs/caching.md does not explain ${id}`)
}

const isAsExpected = id => (testResults[id] === true) === !expected.has(id)
const all = new Set(tests.keys())
await run(all, 100, false)
// A busy machine can make a second pass that a test did not mean to. What is unexpected is looked at once more,
// alone; what is wrong is wrong then too.
const again = new Set([...all].filter(id => !isAsExpected(id)))
// With many it is no accident.
if (again.size > 0 && again.size <= 20) await run(again, 1, false)

const passes = { required: [0, 0], optimal: [0, 0], check: [0, 0] }
let failed = 0
for (const [id, test] of tests) {
  const count = passes[test.kind ?? 'required']
  count[1] += 1
  if (testResults[id] === true) count[0] += 1
  if (isAsExpected(id)) continue
  failed += 1
  const result = testResults[id] === true ? 'passes, and is listed as one that does not' : JSON.stringify(testResults[id])
  console.log(`unexpected: ${test.kind ?? 'required'} ${id}: ${result}`)
}
const share = ([passed, count]) => `${passed} of ${count}`
console.log(`http-cache-tests: required ${share(passes.required)}, optimal ${share(passes.optimal)}, ` +
  `checks answered with yes ${share(passes.check)}; ${again.size} looked at again`)
// What is expected to fail is not counted as passed.
const exceptions = [...expected.values()].filter(what => what === 'fails').length
console.log(`suite result: ${tests.size - exceptions - failed} passed, ${failed} failed, ${exceptions} explained exceptions`)
await end(failed === 0 ? 0 : 1)
