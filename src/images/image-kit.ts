import type { Tool, Toolbox, ToolName } from '../tools/tool.ts';
import { baseLayer, libcLayer, nodeLayer, programLayer } from './base-layer.ts';
import type { ImageSpec, LayerSpec, ReadyImage } from './image.ts';
import { pullImage } from './pull.ts';
import { certificateBundle, iptablesLayer, programsLayer, singleProgramLayer } from './tool-layers.ts';

/** An image without the name that its entry gives it: put together here, or ready. */
export type MadeImage = Omit<ImageSpec, 'name'> | Omit<ReadyImage, 'name'>;

/**
 * The layers that images of a lab are put together from, each made once. Every image begins with `base`; one with programs
 * goes on with `libc`. Layers are shared by their digest and order: what several images have comes first, in the same order.
 */
export interface ImageKit {
  readonly cacheDir: string;
  /** Folder with programs of the mesh that the user built. */
  readonly ownPrograms?: string | undefined;
  /** Version of the mesh's official release whose images are wanted; undefined: they are put together here. */
  readonly release?: string | undefined;
  tool(name: ToolName): Promise<Tool>;
  /** Directories, users, certificates and busybox: enough for a shell. */
  base(): Promise<LayerSpec>;
  libc(): Promise<LayerSpec>;
  node(): Promise<LayerSpec>;
  /** One program at /usr/bin. */
  program(name: ToolName): Promise<LayerSpec>;
  /** Several programs of one tool at /usr/sbin. */
  programs(name: ToolName, programs: readonly string[]): Promise<LayerSpec>;
  iptables(): Promise<LayerSpec>;
  /** Programs by any path on the host, at the paths given, with the libraries they need. */
  hostPrograms(name: string, programs: Readonly<Record<string, string>>): Promise<LayerSpec>;
  /** By its reference in a registry. */
  pull(ref: string): Promise<ReadyImage>;
}

export function imageKit(
  toolbox: Toolbox,
  {
    ownPrograms,
    release,
    signal,
  }: { ownPrograms?: string | undefined; release?: string | undefined; signal?: AbortSignal | undefined } = {},
): ImageKit {
  const { cacheDir } = toolbox;
  const made = new Map<string, Promise<LayerSpec>>();
  const once = (key: string, make: () => Promise<LayerSpec>): Promise<LayerSpec> => {
    const known = made.get(key) ?? make();
    made.set(key, known);
    return known;
  };
  const libc = (): Promise<LayerSpec> => once('libc', () => libcLayer(cacheDir));
  const context = async (): Promise<{ libc: LayerSpec; cacheDir: string }> => ({ libc: await libc(), cacheDir });
  return {
    cacheDir,
    ownPrograms,
    release,
    tool: (name) => toolbox.get(name),
    base: () =>
      once('base', async () =>
        baseLayer(await toolbox.get('busybox'), await certificateBundle(await toolbox.get('ca-certificates'))),
      ),
    libc,
    node: () => once('node', async () => nodeLayer(await libc(), cacheDir)),
    program: (name) => once(name, async () => singleProgramLayer(await toolbox.get(name), await context())),
    programs: (name, programs) =>
      once(`${name}: ${programs.join()}`, async () =>
        programsLayer(await toolbox.get(name), programs, await context()),
      ),
    iptables: () => once('iptables', async () => iptablesLayer(await toolbox.get('iptables'), await context())),
    hostPrograms: async (name, programs) => programLayer({ ...(await context()), name, programs: { ...programs } }),
    pull: (ref) => pullImage(ref, { name: ref, toolbox, signal }),
  };
}
