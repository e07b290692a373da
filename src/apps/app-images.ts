import { stat } from 'node:fs/promises';
import { basename, posix } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import { baseLayer, libcLayer, nodeLayer } from '../images/base-layer.ts';
import type { ImageSpec, LayerFile, LayerSpec, ReadyImage } from '../images/image.ts';
import { bundleNode } from '../images/bundle-node.ts';
import { foreignArchive } from '../images/foreign-archive.ts';
import { postgresLayers } from '../images/postgres.ts';
import { pullImage } from '../images/pull.ts';
import { certificateBundle, filesUnder, singleProgramLayer, type LayerContext } from '../images/tool-layers.ts';
import type { Tool, Toolbox, ToolName } from '../tools/tool.ts';
import type { App, AppImage, ImageSource, ProgramImage } from './app.ts';

type NodeSource = Extract<ImageSource, { kind: 'node' }>;
type ToolSource = Extract<ImageSource, { kind: 'tool' }>;

export interface AppImagesOptions {
  toolbox: Toolbox;
  signal?: AbortSignal | undefined;
}

/** Programs of the toolbox that an app's images need: fetched with the lab's own, before the images. */
export function appTools(app: App): ToolName[] {
  const tools = (app.images ?? []).flatMap(({ source }): ToolName[] =>
    source.kind === 'tool' ? [source.tool] : source.kind === 'registry' ? ['crane'] : [],
  );
  return [...new Set(tools)];
}

/**
 * The images of an app, for `buildArchive`: assembled, read from archives, or pulled.
 *
 * @throws MeshproofError MESHPROOF_IMAGE for a program that cannot be bundled, an archive that holds no image, or a registry
 * that does not give one
 */
export async function appImages(app: App, options: AppImagesOptions): Promise<(ImageSpec | ReadyImage)[]> {
  const { toolbox, signal } = options;
  const images = app.images ?? [];
  const foreign = await Promise.all(images.map((image) => foreignImages(image, options)));
  const made = images.filter(({ source }) => source.kind === 'node' || source.kind === 'tool');
  if (made.length === 0) return foreign.flat();
  signal?.throwIfAborted();
  const { cacheDir } = toolbox;
  const base = await baseLayer(
    await toolbox.get('busybox'),
    await certificateBundle(await toolbox.get('ca-certificates')),
  );
  const libc = await libcLayer(cacheDir);
  const context: LayerContext = { libc, cacheDir };
  // One object, so that it is built once.
  const node = made.some(({ source }) => source.kind === 'node') ? await nodeLayer(libc, cacheDir) : libc;
  const specs = await Promise.all(
    made.map(async ({ name = '', source }): Promise<ImageSpec> => {
      if (source.kind === 'node') return nodeImage(name, source, [base, libc, node], cacheDir);
      const tool = source as ToolSource;
      return toolImage(name, tool, [base, libc], await toolbox.get(tool.tool), context);
    }),
  );
  return [...foreign.flat(), ...specs];
}

async function foreignImages({ name, source }: AppImage, options: AppImagesOptions): Promise<ReadyImage[]> {
  if (source.kind === 'registry') return [await pullImage(source.ref, { ...options, name: name ?? source.ref })];
  if (source.kind !== 'archive') return [];
  const found = await foreignArchive(source.file, options);
  if (name === undefined) return found;
  const [only] = found;
  const image = found.length === 1 ? only : found.find((each) => each.name === name);
  if (image !== undefined) return [{ ...image, name }];
  throw new MeshproofError(
    'MESHPROOF_IMAGE',
    `${source.file} holds ${found.map((each) => each.name).join(', ')}, and none is called ${name}`,
    'Name one of them in deploy.images, or list the archive alone: then each image keeps its name.',
  );
}

async function nodeImage(name: string, source: NodeSource, layers: LayerSpec[], cacheDir: string): Promise<ImageSpec> {
  const program: LayerFile = {
    path: '/app/server.mjs',
    source: { content: await bundleNode(source.main, { cacheDir }) },
  };
  return {
    name,
    layers: [...layers, { name, files: [program, ...(await addedFiles(source))] }],
    config: {
      entrypoint: ['/usr/bin/node', ...source.nodeOptions, '/app/server.mjs', ...source.args],
      user: String(source.user),
      workdir: '/app',
      env: { NODE_ENV: 'production', ...source.env },
    },
  };
}

/** What a program of the toolbox needs besides itself; anything else is one file at /usr/bin. */
const special: Partial<
  Record<ToolName, { layers: (tool: Tool, context: LayerContext) => Promise<LayerSpec[]>; config: ImageSpec['config'] }>
> = {
  postgres: {
    layers: postgresLayers,
    // SIGTERM waits until every client has left.
    config: { entrypoint: ['/usr/local/bin/postgres-entrypoint'], user: '999', stopSignal: 'SIGINT' },
  },
};

async function toolImage(
  name: string,
  source: ToolSource,
  layers: LayerSpec[],
  tool: Tool,
  context: LayerContext,
): Promise<ImageSpec> {
  const known = special[source.tool];
  const own = known === undefined ? [await singleProgramLayer(tool, context)] : await known.layers(tool, context);
  const files = await addedFiles(source);
  const config = known?.config ?? { entrypoint: [`/usr/bin/${source.tool}`], user: String(source.user) };
  return {
    name,
    layers: [...layers, ...own, ...(files.length === 0 ? [] : [{ name, files }])],
    config: {
      ...config,
      entrypoint: [...config.entrypoint, ...source.args],
      env: { ...source.env },
    },
  };
}

/** Files and folders of the app file, where it wants them in the image. */
async function addedFiles({ files }: ProgramImage): Promise<LayerFile[]> {
  const found = await Promise.all(
    Object.entries(files).map(async ([to, from]): Promise<LayerFile[]> => {
      if ((await stat(from)).isDirectory()) return filesUnder(from, to);
      return [{ path: to.endsWith('/') ? posix.join(to, basename(from)) : to, source: { hostPath: from } }];
    }),
  );
  return found.flat();
}
