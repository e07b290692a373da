import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { MeshproofError, messageOf } from '../base/errors.ts';
import type { ReadyImage } from './image.ts';
import { blobPath, jsonBlob, mediaTypes, ociArchitecture } from './oci.ts';

interface Descriptor {
  mediaType?: string;
  digest: string;
  size: number;
  platform?: { architecture?: string; os?: string };
  annotations?: Record<string, string>;
}

interface Index {
  manifests: Descriptor[];
}

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

/** `manifest.json` of `docker save`. */
type DockerManifest = { Config: string; RepoTags: string[] | null; Layers: string[] }[];

/** Where a path of an unpacked archive really is: `docker save` writes a layer that two images share as a link. */
export type Locate = (path: string) => string;

/**
 * The images of an unpacked OCI layout or `docker save`, for this machine's architecture, under the names that are in it.
 *
 * @param what names it in errors
 * @throws MeshproofError MESHPROOF_IMAGE when it holds none, or when a blob is not what its digest says
 */
export async function readLayout(what: string, locate: Locate): Promise<ReadyImage[]> {
  try {
    const index = await readJson<Index>(locate('index.json'));
    const all = index === undefined ? await dockerImages(locate) : await ociImages(index, locate);
    const images = all.filter(({ config }) => architectureOf(config) === ociArchitecture());
    if (images.length > 0) return images;
    const others = [...new Set(all.map(({ config }) => `linux/${architectureOf(config)}`))];
    const only = others.length > 0 ? `, only for ${others.join(', ')}` : '';
    throw unreadable(what, `it holds no image for linux/${ociArchitecture()}${only}`);
  } catch (error) {
    if (error instanceof MeshproofError) throw error;
    throw unreadable(what, messageOf(error), error);
  }
}

/** As the image itself says it, whatever the archive says of it; what an image does not say fits. */
function architectureOf({ bytes }: { bytes: Buffer }): string {
  return (JSON.parse(bytes.toString()) as { architecture?: string }).architecture || ociArchitecture();
}

async function ociImages(index: Index, locate: Locate): Promise<ReadyImage[]> {
  const images: ReadyImage[] = [];
  for (const entry of index.manifests) {
    const found = await manifestOf(entry, locate);
    if (found === undefined) continue;
    const { annotations = {} } = entry;
    const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? '';
    const { config, layers } = JSON.parse(found.bytes.toString()) as Manifest;
    images.push({
      name: familiarName(name),
      manifest: found,
      config: { digest: config.digest, bytes: await verified(config.digest, locate) },
      layers: await Promise.all(
        layers.map(async ({ digest, size }) => {
          const path = locate(blobPath(digest));
          if ((await stat(path)).size !== size) throw new Error(`the layer ${digest} is cut short`);
          return { digest, path, bytes: size };
        }),
      ),
    });
  }
  return images;
}

/** The manifest of this architecture: an entry may be a list of manifests, one per platform. */
async function manifestOf(entry: Descriptor, locate: Locate): Promise<ReadyImage['manifest'] | undefined> {
  const { platform } = entry;
  if (platform?.architecture !== undefined && platform.architecture !== ociArchitecture()) return undefined;
  const bytes = await verified(entry.digest, locate);
  const value = JSON.parse(bytes.toString()) as Partial<Index & Manifest>;
  if (value.manifests === undefined) return value.config === undefined ? undefined : { digest: entry.digest, bytes };
  for (const child of value.manifests) {
    const found = await manifestOf(child, locate);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Docker's own format has no manifest: it gets one, so that the image has a digest. */
async function dockerImages(locate: Locate): Promise<ReadyImage[]> {
  const images = await readJson<DockerManifest>(locate('manifest.json'));
  if (images === undefined) throw new Error('it has neither index.json nor manifest.json');
  return Promise.all(
    images.map(async ({ Config, RepoTags, Layers }) => {
      const configBytes = await readFile(locate(Config));
      const layers = await Promise.all(
        Layers.map(async (layer) => {
          const path = locate(layer);
          return { path, ...(await digestOf(path)) };
        }),
      );
      const config = { digest: sha256(configBytes), bytes: configBytes };
      const manifest = jsonBlob({
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: { mediaType: mediaTypes.config, digest: config.digest, size: configBytes.length },
        layers: layers.map(({ digest, bytes, gzip }) => ({
          mediaType: gzip ? `${mediaTypes.layer}+gzip` : mediaTypes.layer,
          digest,
          size: bytes,
        })),
      });
      return { name: familiarName(RepoTags?.[0] ?? ''), manifest, config, layers };
    }),
  );
}

/** As people and manifests write it: `docker.io/library/shop:1` is `shop:1`, and `shop:latest` is `shop`. */
export function familiarName(ref: string): string {
  return ref.replace(/^(index\.)?docker\.io\/(library\/)?/, '').replace(/:latest$/, '');
}

async function verified(digest: string, locate: Locate): Promise<Buffer> {
  const bytes = await readFile(locate(blobPath(digest)));
  if (sha256(bytes) !== digest) throw new Error(`${blobPath(digest)} is not what its name says`);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function digestOf(path: string): Promise<{ digest: string; bytes: number; gzip: boolean }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let start = Buffer.alloc(0);
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      if (bytes === 0) start = Buffer.from(chunk.subarray(0, 2));
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { digest: `sha256:${hash.digest('hex')}`, bytes, gzip: start[0] === 0x1f && start[1] === 0x8b };
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

function unreadable(what: string, why: string, cause?: unknown): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_IMAGE',
    `${what} cannot be used as an image: ${why}`,
    'Expected an OCI layout, or what `docker save` and `podman save` write.',
    { cause },
  );
}
