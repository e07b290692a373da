import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startScript } from './init-script.ts';
import type { Tool, Toolbox, ToolName } from '../../tools/tool.ts';

/** What a node runs; `ca-certificates` and the mesh's programs are the images' matter. */
export const nodeToolNames = [
  'kubernetes',
  'etcd',
  'containerd',
  'runc',
  'cni-plugins',
  'coredns',
  'iptables',
  'iproute2',
  'conntrack',
  'busybox',
] as const satisfies readonly ToolName[];
export type NodeToolName = (typeof nodeToolNames)[number];
export type NodeTools = Record<NodeToolName, Tool>;

export async function nodeTools(toolbox: Toolbox): Promise<NodeTools> {
  await toolbox.ensure(nodeToolNames);
  const entries = await Promise.all(nodeToolNames.map(async (name) => [name, await toolbox.get(name)] as const));
  return Object.fromEntries(entries) as NodeTools;
}

/** Path of a program of a tool. */
export function program(tool: Tool, name: string): string {
  const path = tool.bin[name];
  if (path === undefined) throw new TypeError(`tool ${tool.name} has no ${name}`);
  return path;
}

/** Where CNI plugins are: containerd runs them by name from one directory. */
export function cniDir(tools: NodeTools): string {
  return dirname(program(tools['cni-plugins'], 'host-local'));
}

/**
 * One directory with all programs, and the environment in which they find each other: containerd looks for runc and its shim,
 * kubelet and kube-proxy for iptables and conntrack. A link to each, or a script where a tool has a wrapper of its own, which
 * looks beside $0; runc is started 200 times while a lab comes up, and a shell would be started before each.
 */
export async function linkPrograms(tools: NodeTools, binDir: string): Promise<Record<string, string>> {
  await mkdir(binDir, { recursive: true });
  const linked = new Set<string>();
  for (const name of ['etcd', 'containerd', 'runc', 'iptables', 'iproute2', 'conntrack'] as const) {
    for (const [file, path] of Object.entries(tools[name].bin)) {
      if (linked.has(file)) continue;
      linked.add(file);
      if (tools[name].elf[file] === path) await symlink(path, join(binDir, file));
      else await writeFile(join(binDir, file), `#!/bin/sh\n${startScript([path]).trim()} "$@"\n`, { mode: 0o755 });
    }
  }
  return nodeEnvironment(tools, binDir);
}

export function nodeEnvironment(tools: NodeTools, binDir: string): Record<string, string> {
  const env: Record<string, string> = {};
  const libraryPath = new Set<string>();
  for (const tool of Object.values(tools)) {
    Object.assign(env, tool.env);
    for (const dir of tool.libraryPath) libraryPath.add(dir);
    for (const dir of tool.env.LD_LIBRARY_PATH?.split(':') ?? []) if (dir) libraryPath.add(dir);
  }
  delete env.LD_LIBRARY_PATH;
  if (libraryPath.size > 0) env.LD_LIBRARY_PATH = [...libraryPath].join(':');
  // Everything here is written in Go, starts, and has little to collect: at the default (100) a quarter of the API server's
  // CPU time while a lab comes up is garbage collection. It costs memory: PSS of the API server 250 -> 350 MiB.
  env.GOGC = '400';
  env.PATH = `${binDir}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  return env;
}
