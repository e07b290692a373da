// A lock file among the first runs on a machine. Plain JavaScript for Node 18: it is used before anything is installed.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Runs `work` while holding the lock file, whose content is the holder's pid and start time. A dead holder's lock is taken over. */
export function withLock(lock, what, work) {
  waitForLock(lock, what);
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function waitForLock(lock, what) {
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
    if (!said) process.stderr.write(`meshproof: waiting for process ${pid}, which installs ${what}…\n`);
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
