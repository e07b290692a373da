import { mkdir, statfs } from 'node:fs/promises';
import { MeshproofError } from '../base/errors.ts';

export interface PlatformFacts {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
}

export const thisPlatform = (): PlatformFacts => ({
  platform: process.platform,
  arch: process.arch,
});

/** A warm run writes images, captures and the lab's state; a cold one Go's module and build caches as well. */
export const neededBytes = { warm: 2 * 2 ** 30, cold: 10 * 2 ** 30 };

/**
 * Whether meshproof can run here at all. x86-64 is the only architecture: every version in the lock file was tried on
 * it and none on another. Whether root is needed depends on the cluster.
 *
 * @throws MeshproofError MESHPROOF_PLATFORM
 */
export function checkPlatform(facts: PlatformFacts = thisPlatform()): void {
  if (facts.platform !== 'linux') {
    throw new MeshproofError(
      'MESHPROOF_PLATFORM',
      `this is ${facts.platform}, meshproof needs Linux`,
      'Run it in a Linux machine or in a privileged Linux container.',
    );
  }
  if (facts.arch !== 'x64') {
    throw new MeshproofError(
      'MESHPROOF_PLATFORM',
      `this is ${facts.arch}, meshproof supports x86-64 only`,
      'Run it on an x86-64 machine. (arm64 has never been tried: tools/lock.json names amd64 files.)',
    );
  }
}

/** Free bytes for this user where `directory` is or will be. */
export async function freeBytes(directory: string): Promise<number> {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** @throws MeshproofError MESHPROOF_DISK_FULL before anything is half done. */
export async function checkDisk(directory: string, bytes: number): Promise<number> {
  const free = await freeBytes(directory);
  if (free < bytes) {
    const gib = (value: number): string => (value / 2 ** 30).toFixed(1);
    throw new MeshproofError(
      'MESHPROOF_DISK_FULL',
      `${directory} has ${gib(free)} GiB free, ${gib(bytes)} GiB are needed`,
      'Free some disk space, or point XDG_CACHE_HOME and XDG_STATE_HOME to a larger disk.',
    );
  }
  return free;
}
