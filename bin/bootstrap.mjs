#!/usr/bin/env node
// Runs a TypeScript file of this checkout: `node bin/bootstrap.mjs FILE [ARG ...]`.
// Works on a fresh clone: what package-lock.json asks for is installed first, once.
import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { dirname, join } from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));

export function ensureDependencies() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.meshproof-lock');
  const installed = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  if (installed()) return;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(
      `meshproof: Node ${process.versions.node} is too old (MESHPROOF_PLATFORM)\nhint: install Node 20.19 or later.`,
    );
    process.exit(3);
  }
  // `npm ci` empties node_modules: another first run must not do that under this one.
  const lock = join(root, '.npm-ci.lock');
  waitForLock(lock);
  let ok;
  try {
    ok = installed() || install(stamp, wanted);
  } finally {
    rmSync(lock, { force: true });
  }
  if (!ok) process.exit(3);
}

function install(stamp, wanted) {
  process.stderr.write('meshproof: installing npm packages (once)…\n');
  const started = Date.now();
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) {
    rmSync(stamp, { force: true });
    console.error(
      'meshproof: `npm ci` failed (MESHPROOF_TOOL_MISSING)\nhint: see npm’s message above; meshproof needs its npm packages once.',
    );
    return false;
  }
  // npm makes no folder where there is nothing to install.
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  process.stderr.write(`meshproof: npm packages installed in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return true;
}

/** Takes the lock file, whose content is the holder's pid and start time; a dead holder's lock is moved aside. */
function waitForLock(lock) {
  const own = `${lock}.${process.pid}`;
  let said = false;
  for (;;) {
    writeFileSync(own, `${process.pid} ${startTimeOf(process.pid)}`);
    try {
      // A link appears complete or not at all: a lock without a pid cannot be seen.
      linkSync(own, lock);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    } finally {
      rmSync(own, { force: true });
    }
    const holder = read(lock);
    if (holder === undefined) continue;
    const [pid, startTime] = holder.split(' ');
    if (startTimeOf(pid) !== startTime) {
      takeAside(lock, holder, own);
      continue;
    }
    if (!said) process.stderr.write(`meshproof: waiting for process ${pid}, which installs npm packages…\n`);
    said = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

/** Another may have taken the dead lock over since it was read: then what was moved is put back. */
function takeAside(lock, dead, own) {
  try {
    renameSync(lock, own);
    if (read(own) !== dead) linkSync(own, lock);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  }
}

/** Field 22 of /proc/PID/stat: tells a reused pid from the one that took the lock. */
function startTimeOf(pid) {
  const text = read(`/proc/${pid}/stat`) ?? '';
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

export async function runTypeScript(file) {
  ensureDependencies();
  const { register } = await import('tsx/esm/api');
  register();
  await import(pathToFileURL(join(root, file)).href);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = process.argv[2];
  process.argv.splice(1, 2, join(root, file));
  await runTypeScript(file);
}
