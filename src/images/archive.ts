import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pLimit from 'p-limit';
import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { scratchFolder } from '../base/scratch.ts';
import type { ImageArchive, ImageMap, ImageSpec, LayerSpec, ReadyImage } from './image.ts';
import { buildLayer, imageError, touch, type BuiltLayer } from './layer.ts';
import { blobPath, describeForDocker, describeImage, describeIndex, describeReady, type OciImage } from './oci.ts';
import { packTar, type TarEntry } from './tar.ts';

export interface BuildOptions {
  /** meshproof's cache directory; layers and archives live in `images/` below it. */
  cacheDir: string;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

/** A cache file nobody has used for this long is deleted by the next build. */
const unusedForMs = 14 * 24 * 3600 * 1000;

/**
 * Assembles images into one archive that `ctr images import`, `kind load image-archive` and `docker load` read. A
 * layer that several images share is built and stored once. The same specs give the same archive, byte for byte,
 * under a name made of its content: when it is in the cache already, nothing is read but file times.
 *
 * @throws MeshproofError MESHPROOF_IMAGE, MESHPROOF_DISK_FULL
 */
export async function buildArchive(
  specs: readonly (ImageSpec | ReadyImage)[],
  options: BuildOptions,
): Promise<ImageArchive> {
  const { progress, signal } = options;
  const imagesDir = join(options.cacheDir, 'images');
  return progress.step(`Assembling ${specs.length} images`, async (detail) => {
    const own = specs.filter((spec): spec is ImageSpec => !('manifest' in spec));
    const built = await buildLayers(own, join(imagesDir, 'layers'), detail, signal);
    const images = specs
      .map((spec) =>
        'manifest' in spec
          ? describeReady(spec)
          : describeImage(
              spec,
              spec.layers.map((layer) => built.get(layer)!),
            ),
      )
      .sort((a, b) => (a.image.name < b.image.name ? -1 : 1));
    refuseTwins(images);
    const index = describeIndex(images);
    const path = join(imagesDir, 'archives', `${createHash('sha256').update(index).digest('hex').slice(0, 32)}.tar`);
    if ((await exists(path)) === false) {
      detail('writing the archive');
      await writeArchive(path, images, index, signal);
    } else await touch(path);
    await pruneUnused(imagesDir);
    return { path, images: images.map(({ image }) => image), bytes: (await stat(path)).size };
  });
}

/** The images of an archive by name, as manifests want them. */
export function imageMap(archive: ImageArchive): ImageMap {
  return Object.fromEntries(archive.images.map((image) => [image.name, image]));
}

async function buildLayers(
  specs: readonly ImageSpec[],
  layersDir: string,
  detail: (text: string) => void,
  signal?: AbortSignal | undefined,
): Promise<Map<LayerSpec, BuiltLayer>> {
  const layers = [...new Set(specs.flatMap((spec) => spec.layers))];
  const limit = pLimit(4);
  const built = await Promise.all(
    layers.map((layer) =>
      limit(async () => {
        signal?.throwIfAborted();
        detail(`layer ${layer.name}`);
        return [layer, await buildLayer(layer, layersDir, signal)] as const;
      }),
    ),
  );
  return new Map(built);
}

function refuseTwins(images: readonly OciImage[]): void {
  for (const [i, { image }] of images.entries()) {
    if (images[i + 1]?.image.name !== image.name) continue;
    throw new MeshproofError('MESHPROOF_IMAGE', `Two images are called ${image.name}`, 'Give each image its own name.');
  }
}

async function writeArchive(
  path: string,
  images: readonly OciImage[],
  index: Buffer,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const entries = new Map<string, TarEntry>();
  const add = (entryPath: string, body: TarEntry['body']): void => {
    entries.set(entryPath, { path: entryPath, mode: 0o644, uid: 0, gid: 0, body });
  };
  add('oci-layout', { kind: 'bytes', bytes: Buffer.from('{"imageLayoutVersion":"1.0.0"}') });
  add('index.json', { kind: 'bytes', bytes: index });
  add('manifest.json', { kind: 'bytes', bytes: describeForDocker(images) });
  for (const { config, manifest, layers } of images) {
    for (const document of [config, manifest]) add(blobPath(document.digest), { kind: 'bytes', bytes: document.bytes });
    for (const layer of layers) {
      const open = () => createReadStream(layer.path, { highWaterMark: 1024 * 1024 });
      add(blobPath(layer.digest), { kind: 'file', size: layer.bytes, open });
    }
  }
  try {
    await using scratch = await scratchFolder(dirname(path));
    const partial = join(scratch.path, 'archive.tar');
    await pipeline(packTar([...entries.values()], signal), createWriteStream(partial), { signal });
    await rename(partial, path);
  } catch (error) {
    signal?.throwIfAborted();
    throw imageError('The image archive could not be written', error);
  }
}

async function pruneUnused(imagesDir: string): Promise<void> {
  for (const folder of ['layers', 'archives', 'foreign']) {
    const names = (await readdir(join(imagesDir, folder)).catch(() => [])).filter((name) => !name.startsWith('.'));
    for (const name of names) {
      const path = join(imagesDir, folder, name);
      const info = await stat(path).catch(() => undefined);
      if (info && Date.now() - info.mtimeMs > unusedForMs) await rm(path, { recursive: true, force: true });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
