import { MeshproofError } from '../../base/errors.ts';

/** @throws MeshproofError MESHPROOF_NOT_ROOT */
export function requireRoot(uid = process.getuid?.()): void {
  if (uid === 0) return;
  throw new MeshproofError(
    'MESHPROOF_NOT_ROOT',
    `The embedded cluster needs root (this is uid ${uid ?? 'unknown'})`,
    'Run it with sudo, or as root in a --privileged container.',
  );
}
