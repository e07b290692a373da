import { createHash } from 'node:crypto';
import type { BuiltImage, ImageSpec, ReadyImage } from './image.ts';
import type { BuiltLayer } from './layer.ts';
import { ownRegistry } from './reference.ts';

/** A JSON document of the OCI image layout with its address. https://github.com/opencontainers/image-spec */
export interface Blob {
  digest: string;
  bytes: Buffer;
}

export interface OciImage {
  image: BuiltImage;
  config: Blob;
  manifest: Blob;
  layers: Pick<BuiltLayer, 'path' | 'digest' | 'bytes'>[];
}

export const mediaTypes = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/** Config and manifest of an image; nothing in them depends on when or where it was built. */
export function describeImage(spec: ImageSpec, layers: BuiltLayer[]): OciImage {
  const { entrypoint, cmd, env, user, workdir, stopSignal } = spec.config;
  const variables = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env };
  const config = jsonBlob({
    architecture: ociArchitecture(),
    os: 'linux',
    config: {
      Entrypoint: entrypoint,
      ...(cmd ? { Cmd: cmd } : {}),
      Env: Object.entries(variables)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
      ...(user ? { User: user } : {}),
      WorkingDir: workdir ?? '/',
      ...(stopSignal ? { StopSignal: stopSignal } : {}),
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    history: layers.map((layer) => ({ created: '1970-01-01T00:00:00Z', created_by: `meshproof layer ${layer.name}` })),
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.bytes.length },
    layers: layers.map((layer) => ({ mediaType: mediaTypes.layer, digest: layer.digest, size: layer.bytes })),
  });
  return { image: builtImage(spec.name, manifest.digest), config, manifest, layers };
}

/** An image of somebody else's, under a reference of ours: the tag is made of its content here too. */
export function describeReady({ name, config, manifest, layers }: ReadyImage): OciImage {
  return { image: builtImage(name, manifest.digest), config, manifest, layers };
}

/** What an image of this name and manifest digest is called. */
export function builtImage(name: string, digest: string): BuiltImage {
  const repository = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return { name, ref: `${ownRegistry}/${repository}:${digest.slice(7, 19)}`, digest };
}

/** `index.json`: containerd takes the image's name from the `io.containerd.image.name` annotation. */
export function describeIndex(images: readonly OciImage[]): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images.map(({ image, manifest }) => ({
      mediaType: mediaTypes.manifest,
      digest: manifest.digest,
      size: manifest.bytes.length,
      platform: { architecture: ociArchitecture(), os: 'linux' },
      annotations: {
        'io.containerd.image.name': image.ref,
        'org.opencontainers.image.ref.name': image.ref.slice(image.ref.lastIndexOf(':') + 1),
      },
    })),
  });
}

/** `manifest.json` of `docker save`, so that an old `docker load` understands the archive too. */
export function describeForDocker(images: readonly OciImage[]): Buffer {
  return json(
    images.map(({ image, config, layers }) => ({
      Config: blobPath(config.digest),
      RepoTags: [image.ref],
      Layers: layers.map((layer) => blobPath(layer.digest)),
    })),
  );
}

export function blobPath(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

/** A JSON document as it goes into an image. */
export function jsonBlob(value: unknown): Blob {
  const bytes = json(value);
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function ociArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
