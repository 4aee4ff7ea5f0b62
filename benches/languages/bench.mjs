// A success through opossum and cockatiel. One thread: a breaker is not shared between workers.
// Prints lines of breaker, language, threads, best and median in nanoseconds of a call.
import { readFileSync } from 'node:fs'
import CircuitBreaker from 'opossum'
import { SamplingBreaker, circuitBreaker, handleAll } from 'cockatiel'

const slices = 40
const calls = 20_000

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version
const dependency = async () => 1

const opossum = new CircuitBreaker(dependency, { errorThresholdPercentage: 50, volumeThreshold: 10 })
const cockatiel = circuitBreaker(handleAll, {
  halfOpenAfter: 30_000,
  breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 1 }),
})
const sides = [
  ['the bare call', () => dependency()],
  [`opossum ${version('opossum')}`, () => opossum.fire()],
  [`cockatiel ${version('cockatiel')}`, () => cockatiel.execute(dependency)],
].map(([name, call]) => ({ name, call, took: [] }))

const slice = async (call) => {
  const began = process.hrtime.bigint()
  for (let n = 0; n < calls; n++) {
    if ((await call()) !== 1) throw new Error('another result')
  }
  return Number(process.hrtime.bigint() - began) / calls
}

for (const { call } of sides) await slice(call)
for (let n = 0; n < slices; n++) {
  for (const side of sides) side.took.push(await slice(side.call))
}
for (const { name, took } of sides) {
  took.sort((a, b) => a - b)
  const [best, median] = [took[0], took[took.length / 2]].map((ns) => ns.toFixed(1))
  console.log([name, `Node ${process.versions.node}`, 1, best, median].join('\t'))
}
opossum.shutdown()
