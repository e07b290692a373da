import { runCommand } from '../../base/process.ts';
import type { ImageArchive } from '../../images/image.ts';
import { MeshproofError, messageOf } from '../../base/errors.ts';

export interface ContainerdAccess {
  ctr: string;
  /** Path of the socket, as this process sees it. */
  address: string;
  env: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Images of the node by reference, with the digest of their manifest. */
export async function loadedImages(access: ContainerdAccess): Promise<Map<string, string>> {
  const { stdout } = await ctr(access, ['images', 'list']);
  // REF TYPE DIGEST SIZE PLATFORMS LABELS
  const rows = stdout.trim().split('\n').slice(1);
  return new Map(rows.map((row) => row.split(/\s+/)).map(([ref, , digest]) => [ref ?? '', digest ?? '']));
}

/** True when the node has every image of the archive, by digest. */
export function hasAll(loaded: Map<string, string>, archive: ImageArchive): boolean {
  return archive.images.every(({ ref, digest }) => loaded.get(ref) === digest);
}

/**
 * Imports an archive and unpacks it; layers that containerd has are not unpacked again.
 *
 * @throws MeshproofError MESHPROOF_IMAGE, also when an image is missing afterwards or has another digest.
 */
export async function importArchive(access: ContainerdAccess, archive: ImageArchive): Promise<void> {
  try {
    await ctr(access, ['images', 'import', archive.path]);
  } catch (error) {
    access.signal?.throwIfAborted();
    throw new MeshproofError(
      'MESHPROOF_IMAGE',
      `Images could not be loaded: ${messageOf(error)}`,
      'Is the disk full? See the containerd log of the lab.',
      {
        cause: error,
      },
    );
  }
  const loaded = await loadedImages(access);
  const wrong = archive.images.find(({ ref, digest }) => loaded.get(ref) !== digest);
  if (wrong) {
    throw new MeshproofError(
      'MESHPROOF_IMAGE',
      `Image ${wrong.ref} is ${loaded.get(wrong.ref) ?? 'missing'} after the import, expected ${wrong.digest}`,
      'The archive does not hold what it says: delete it from the cache.',
    );
  }
}

function ctr(access: ContainerdAccess, args: string[]): ReturnType<typeof runCommand> {
  return runCommand([access.ctr, '--address', access.address, '--namespace', 'k8s.io', ...args], {
    env: access.env,
    timeoutMs: 10 * 60_000,
    signal: access.signal,
  });
}
