import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import type { Tool } from '../tools/tool.ts';
import { libraryDir, programLayer } from './base-layer.ts';
import type { LayerFile, LayerSpec } from './image.ts';

export interface LayerContext {
  libc: LayerSpec;
  cacheDir: string;
}

/** One program at /usr/bin. */
export async function singleProgramLayer(tool: Tool, context: LayerContext): Promise<LayerSpec> {
  const hostPath = tool.elf[tool.name];
  if (!hostPath) throw incomplete(tool, tool.name);
  return programLayer({
    ...context,
    name: tool.name,
    programs: { [`/usr/bin/${tool.name}`]: hostPath },
    libraryPath: tool.libraryPath,
  });
}

/** Several programs of one tool at /usr/sbin, before busybox's applets of the same name in PATH. */
export async function programsLayer(tool: Tool, names: readonly string[], context: LayerContext): Promise<LayerSpec> {
  const programs = names.map((name) => {
    const hostPath = tool.elf[name];
    if (!hostPath) throw incomplete(tool, name);
    return [`/usr/sbin/${name}`, hostPath] as const;
  });
  return programLayer({
    ...context,
    name: tool.name,
    programs: Object.fromEntries(programs),
    libraryPath: tool.libraryPath,
  });
}

/** iptables is one program with many names, and opens a module for each match and target. */
export async function iptablesLayer(tool: Tool, context: LayerContext): Promise<LayerSpec> {
  if (!tool.elf.iptables) throw incomplete(tool, 'iptables');
  const program = await realpath(tool.elf.iptables);
  const multi = basename(program);
  const modulesDir = await firstDirectory([
    tool.env.XTABLES_LIBDIR,
    join(tool.root, libraryDir, 'xtables'),
    join(tool.root, 'usr/lib64/xtables'),
    join(tool.root, 'usr/lib/xtables'),
  ]);
  if (!modulesDir) throw incomplete(tool, 'xtables modules');
  const modules = await filesUnder(modulesDir, `${libraryDir}/xtables`, (path) => path.endsWith('.so'));
  // Some look for the variant by name.
  const variant = multi.includes('nft') ? 'nft' : 'legacy';
  const names = ['iptables', 'ip6tables', `iptables-${variant}`, `ip6tables-${variant}`].flatMap((name) => [
    name,
    `${name}-save`,
    `${name}-restore`,
  ]);
  return programLayer({
    ...context,
    name: 'iptables',
    programs: { [`/usr/sbin/${multi}`]: program },
    files: [...modules, ...names.map((name): LayerFile => ({ path: `/usr/sbin/${name}`, source: { linkTo: multi } }))],
    modules: modules.flatMap((file) => ('hostPath' in file.source ? [file.source.hostPath] : [])),
    libraryPath: tool.libraryPath,
  });
}

/** Files below a host directory, links kept as links; `keep` sees the path relative to the directory. */
export async function filesUnder(
  hostDir: string,
  imageDir: string,
  keep: (path: string) => boolean = () => true,
): Promise<LayerFile[]> {
  const found: LayerFile[] = [];
  for (const entry of await readdir(hostDir, { recursive: true, withFileTypes: true })) {
    const hostPath = join(entry.parentPath, entry.name);
    const path = hostPath.slice(hostDir.length + 1);
    if (entry.isDirectory() || !keep(path)) continue;
    // A link may point outside of what is copied (Debian links into /etc/alternatives): take what it points to.
    found.push({ path: `${imageDir}/${path}`, source: { hostPath: await realpath(hostPath) } });
  }
  return found;
}

/** The bundle of CA certificates: a file of the tool, of whatever name. */
export async function certificateBundle(tool: Tool): Promise<string> {
  for (const path of Object.values(tool.bin)) {
    const isBundle = await readFile(path, 'utf8').then(
      (text) => text.includes('BEGIN CERTIFICATE'),
      () => false,
    );
    if (isBundle) return path;
  }
  throw incomplete(tool, 'a file of certificates');
}

export async function firstDirectory(candidates: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const path of candidates) {
    if (
      path &&
      (await stat(path).then(
        (info) => info.isDirectory(),
        () => false,
      ))
    )
      return path;
  }
  return undefined;
}

export function incomplete(tool: Tool, what: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_IMAGE',
    `${tool.name} ${tool.version} (from ${tool.origin}) has no ${what}`,
    `Empty the cache and run \`meshproof doctor --fetch\`; its files should be below ${dirname(tool.root + '/x')}.`,
  );
}
