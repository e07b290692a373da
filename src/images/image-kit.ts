import type { Tool, Toolbox, ToolName } from '../tools/tool.ts';
import { baseLayer, libcLayer, nodeLayer } from './base-layer.ts';
import type { LayerSpec } from './image.ts';
import { certificateBundle, iptablesLayer, programsLayer, singleProgramLayer } from './tool-layers.ts';

/**
 * The layers that images of a lab are put together from, each made once. Every image begins with `base`; one with programs
 * goes on with `libc`. Layers are shared by their digest and order: what several images have comes first, in the same order.
 */
export interface ImageKit {
  readonly cacheDir: string;
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
}

export function imageKit(toolbox: Toolbox): ImageKit {
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
  };
}
