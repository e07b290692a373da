import { MeshproofError } from '../base/errors.ts';
import type { ImageKit } from '../images/image-kit.ts';
import type { ReadyImage } from '../images/image.ts';

/**
 * An image that the mesh's maintainers built.
 *
 * @param instead what to do where its registry cannot be reached, after what the pull itself says
 * @throws MeshproofError MESHPROOF_IMAGE with the reference, the registry and whose credentials were used
 */
export async function officialImage(kit: Pick<ImageKit, 'pull'>, ref: string, instead: string): Promise<ReadyImage> {
  try {
    return await kit.pull(ref);
  } catch (error) {
    if (!(error instanceof MeshproofError)) throw error;
    throw new MeshproofError(error.code, error.message, `${error.hint} Where it cannot be reached: ${instead}`, {
      cause: error,
    });
  }
}
