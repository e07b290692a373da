import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import type { Toolbox } from '../tools/tool.ts';
import { credentialsInWords } from './credentials.ts';
import type { ReadyImage } from './image.ts';
import { touch } from './layer.ts';
import { ociArchitecture } from './oci.ts';
import { readLayout } from './oci-layout.ts';
import { registryOf, repositoryOf } from './reference.ts';

/**
 * An image pulled from a registry by crane, on this machine, with the credentials that Docker's or Podman's own
 * configuration has for it. The registry is asked each time which image the reference names; only what changed is pulled.
 *
 * @throws MeshproofError MESHPROOF_IMAGE with crane's words
 */
export async function pullImage(
  ref: string,
  options: { name: string; toolbox: Toolbox; signal?: AbortSignal | undefined },
): Promise<ReadyImage> {
  const { name, toolbox, signal } = options;
  const tool = await toolbox.get('crane');
  const crane = async (...args: string[]): Promise<string> => {
    const argv = [tool.bin['crane'] ?? 'crane', ...args, '--platform', `linux/${ociArchitecture()}`];
    const { stdout } = await runCommand(argv, { env: tool.env, timeoutMs: 10 * 60_000, signal }).catch(
      async (error: unknown) => {
        signal?.throwIfAborted();
        const registry = registryOf(ref);
        throw new MeshproofError(
          'MESHPROOF_IMAGE',
          `${ref} could not be pulled: ${messageOf(error)}`,
          `Is the reference right, and ${registry} up? Credentials: ${await credentialsInWords(registry)}. Where you are not logged in: \`docker login ${registry}\`.`,
          { cause: error },
        );
      },
    );
    return stdout.trim();
  };
  const digest = await crane('digest', ref);
  const folder = join(toolbox.cacheDir, 'images', 'foreign', digest.replace('sha256:', '').slice(0, 32));
  if (await exists(folder)) await touch(folder);
  else {
    const partial = `${folder}.${process.pid}.partial`;
    await mkdir(dirname(folder), { recursive: true });
    try {
      // By digest: the tag may have moved on since.
      await crane('pull', `${repositoryOf(ref)}@${digest}`, partial, '--format', 'oci');
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  const [image] = await readLayout(ref, (path) => join(folder, path));
  if (image === undefined) throw new TypeError('readLayout gives an image or throws');
  return { ...image, name };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
