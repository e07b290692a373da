/** Says what happened and what to do, as src/base/errors.ts does, and ends with the exit code of an environment that does not do. */
export function fail(what, code, hint) {
  process.stderr.write(`meshproof: ${what} (${code})\nhint: ${hint}\n`);
  process.exit(3);
}
