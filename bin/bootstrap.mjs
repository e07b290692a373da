// Runs a TypeScript file of this checkout: `bin/with-node node bin/bootstrap.mjs FILE [ARG ...]`.
// Works on a fresh clone: what package-lock.json asks for is installed first, once.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fail } from './fail.mjs';
import { withLock } from './lock.mjs';
import { npm } from './npm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

export function ensureDependencies() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.meshproof-lock');
  const installed = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (installed()) return;
  // `npm ci` empties node_modules: another first run must not do that under this one.
  const ok = withLock(join(root, '.npm-ci.lock'), 'npm packages', () => installed() || install(stamp, wanted));
  if (ok) return;
  const hint = 'see npm’s message above; meshproof needs its npm packages once.';
  fail('`npm ci` failed', 'MESHPROOF_TOOL_MISSING', hint);
}

function install(stamp, wanted) {
  process.stderr.write('meshproof: installing npm packages (once)…\n');
  const started = Date.now();
  if (!npm(['ci'], root)) {
    rmSync(stamp, { force: true });
    return false;
  }
  // npm makes no folder where there is nothing to install.
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  process.stderr.write(`meshproof: npm packages installed in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return true;
}

export async function runTypeScript(file) {
  ensureDependencies();
  await import('./typescript.mjs');
  await import(pathToFileURL(join(root, file)).href);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 22) {
    fail(`Node ${process.versions.node} is too old`, 'MESHPROOF_PLATFORM', 'run this as bin/with-node node bin/bootstrap.mjs …');
  }
  const file = process.argv[2];
  process.argv.splice(1, 2, join(root, file));
  await runTypeScript(file);
}
