import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../base/process.ts';
import type { Tool } from '../tools/tool.ts';
import type { LayerFile, LayerSpec } from './image.ts';
import { libraryClosure } from './library-closure.ts';

/** Where libraries live in our images, under Debian's name for the architecture; `/lib64` is a link to it. */
export const libraryDir = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;

/** Users by name, so that `ls` and `id` in a debugging session read well; pods run by number. */
const users = { root: 0, postgres: 999, app: 1000, envoy: 1337, nobody: 65534 };

/** Time zone UTC as zic(8) writes it: PostgreSQL in Debian has no zones of its own. */
const utcZone =
  'VFppZjIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAQAAAAAAABVVEMAVFppZjIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAAQAAAAAAABVVEMAClVUQzAK';

/** Directories, users, certificates, time zone and busybox: enough for programs without shared libraries. */
export async function baseLayer(busybox: Tool, certificates: string): Promise<LayerSpec> {
  const program = await realpath(busybox.elf.busybox!);
  // busybox is a real file and the applets link to it: a link to itself is what a naive loop over --list makes.
  const applets = (await runCommand([program, '--list'])).stdout
    .split('\n')
    .filter((name) => name && name !== 'busybox');
  const entry = ([name, id]: [string, number]): string =>
    `${name}:x:${id}:${id}:${name}:${id === 0 ? '/root' : '/tmp'}:/bin/sh\n`;
  const content = (path: string, text: string | Uint8Array): LayerFile => ({ path, source: { content: text } });
  const link = (path: string, linkTo: string): LayerFile => ({ path, source: { linkTo } });
  return {
    name: 'base',
    files: [
      link('/bin', 'usr/bin'),
      link('/sbin', 'usr/sbin'),
      link('/lib', 'usr/lib'),
      link('/lib64', libraryDir.slice(1)),
      link('/usr/lib64', libraryDir.slice('/usr/'.length)),
      { path: libraryDir, source: { directory: true } },
      { path: '/usr/sbin', source: { directory: true } },
      { path: '/tmp', source: { directory: true }, mode: 0o1777 },
      { path: '/root', source: { directory: true }, mode: 0o700 },
      { path: '/run', source: { directory: true } },
      { path: '/var/tmp', source: { directory: true }, mode: 0o1777 },
      content('/etc/passwd', Object.entries(users).map(entry).join('')),
      content(
        '/etc/group',
        Object.entries(users)
          .map(([name, id]) => `${name}:x:${id}:\n`)
          .join(''),
      ),
      content('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
      content('/usr/share/zoneinfo/UTC', Buffer.from(utcZone, 'base64')),
      { path: '/etc/ssl/certs/ca-certificates.crt', source: { hostPath: certificates }, mode: 0o644 },
      { path: '/usr/bin/busybox', source: { hostPath: program }, mode: 0o755 },
      ...applets.map((applet) => link(`/usr/bin/${applet}`, 'busybox')),
    ],
  };
}

/** glibc as the host has it: everything else in the images was linked or checked against it. */
export async function libcLayer(cacheDir: string): Promise<LayerSpec> {
  const closure = await libraryClosure({ binaries: [process.execPath], cacheDir });
  const directories = new Set(
    await Promise.all(closure.map(async ({ hostPath }) => dirname(await realpath(hostPath)))),
  );
  // The name service modules are opened at run time (before glibc 2.34), so that no closure lists them.
  const parts = /^(ld-linux.*|lib(c|m|dl|pthread|rt|util|resolv|nss_files|nss_dns|anl))\.so\.\d+$/;
  const files = new Map<string, string>();
  for (const { soname, hostPath } of closure) if (parts.test(soname)) files.set(soname, hostPath);
  for (const directory of directories) {
    for (const name of await readdir(directory))
      if (parts.test(name)) files.set(name, files.get(name) ?? join(directory, name));
  }
  return { name: 'libc', files: [...files].map(([soname, hostPath]) => library(soname, hostPath)) };
}

/** The Node that runs meshproof, with its libraries, without those of `libc`. */
export async function nodeLayer(libc: LayerSpec, cacheDir: string): Promise<LayerSpec> {
  return programLayer({ name: 'node', programs: { '/usr/bin/node': process.execPath }, libc, cacheDir });
}

export interface ProgramLayer {
  name: string;
  /** Path in the image -> path on the host. */
  programs: Record<string, string>;
  files?: LayerFile[];
  /** Modules that are opened at run time and need libraries of their own. */
  modules?: string[];
  libraryPath?: readonly string[];
  libc: LayerSpec;
  cacheDir: string;
}

/** Programs with every library they need that the libc layer does not have already. */
export async function programLayer(options: ProgramLayer): Promise<LayerSpec> {
  const { name, programs, files = [], modules = [], libraryPath, libc, cacheDir } = options;
  const paths = new Map<string, string>();
  for (const [path, hostPath] of Object.entries(programs)) paths.set(path, await realpath(hostPath));
  const closure = await libraryClosure({ binaries: [...paths.values(), ...modules], libraryPath, cacheDir });
  const provided = new Set(libc.files.map((file) => file.path));
  return {
    name,
    files: [
      ...[...paths].map(([path, hostPath]): LayerFile => ({ path, source: { hostPath }, mode: 0o755 })),
      ...files,
      ...closure.map(({ soname, hostPath }) => library(soname, hostPath)).filter((file) => !provided.has(file.path)),
    ],
  };
}

function library(soname: string, hostPath: string): LayerFile {
  return { path: `${libraryDir}/${soname}`, source: { hostPath }, mode: 0o755 };
}
