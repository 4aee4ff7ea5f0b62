// Runs each exported check of a module: node run.mjs MODULE
import { readFile } from "node:fs/promises";

const host = { now: () => performance.now() };
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), { host });
const checks = Object.entries(instance.exports).filter(([, f]) => typeof f === "function");
if (checks.length < 3) {
  throw new Error(`only ${checks.length} checks are exported`);
}
for (const [name, check] of checks) {
  const answer = check();
  console.log(`${answer === 1 ? "ok    " : "FAILED"} ${name}`);
  if (answer !== 1) {
    process.exitCode = 1;
  }
}
