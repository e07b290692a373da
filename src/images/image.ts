/** A file of a layer: content comes from a host path, or is given. Owner is root unless told. */
export interface LayerFile {
  /** Absolute path inside the image. */
  path: string;
  source: { hostPath: string } | { content: string | Uint8Array } | { linkTo: string } | { directory: true };
  /** Permission bits, e.g. 0o755. Default: 0o644 for content, 0o755 for directories, 0o755 for executable host files, 0o644 for others. */
  mode?: number;
  uid?: number;
  gid?: number;
}

/** Layers are shared between images by digest: put what changes rarely first. */
export interface LayerSpec {
  name: string;
  files: LayerFile[];
}

export interface ImageSpec {
  /** `meshproof.dev/<name>`; the tag is the first 12 hex digits of the content digest, so a tag never lies. */
  name: string;
  layers: LayerSpec[];
  config: {
    entrypoint: string[];
    cmd?: string[];
    env?: Record<string, string>;
    /** Numeric, so that runAsNonRoot can be checked by the kubelet. */
    user?: string;
    workdir?: string;
    /** Signal that ends the program gently, where SIGTERM does not. */
    stopSignal?: string;
  };
}

/** An image that somebody else built, as its blobs lie on disk; it keeps its manifest, and so its digest. */
export interface ReadyImage {
  /** What manifests call it. */
  name: string;
  manifest: { digest: string; bytes: Buffer };
  config: { digest: string; bytes: Buffer };
  /** As they are, compressed or not. */
  layers: { digest: string; path: string; bytes: number }[];
}

export interface BuiltImage {
  /** By which code and manifests know it. */
  name: string;
  /** `meshproof.dev/<name>:<tag>`, what goes into pod specs. */
  ref: string;
  /** Manifest digest, `sha256:…`: the same input gives the same digest. */
  digest: string;
}

/** An archive that `ctr images import` and `kind load image-archive` understand, holding several images. */
export interface ImageArchive {
  path: string;
  images: BuiltImage[];
  bytes: number;
}

/** Image references by the name used in code (`tripinsights-poi`, `mesh-proxy`, `k6` …). */
export type ImageMap = Record<string, BuiltImage>;
