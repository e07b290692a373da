import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MeshproofError, messageOf } from '../../base/errors.ts';

/** How this machine mounts cgroups: found by looking, never assumed. */
export interface CgroupLayout {
  version: 1 | 2;
  /** One per v1 hierarchy (the hybrid's empty v2 one included), or the single v2 mount. */
  mounts: string[];
}

const parent = 'meshproof';
const neededControllers = ['cpu', 'memory', 'pids'];
/**
 * Share of the CPU against any one program of the host. All pods together are one entry of the scheduler there: with the default
 * (1024, or 100 in v2) a dozen compilers beside them would leave them a twelfth, and every latency would be theirs.
 */
const weight = { v1: '16384', v2: '1600' };

export function cgroupLayout(mountInfo = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupLayout {
  const mounts = mountInfo
    .split('\n')
    .map((line) => {
      const [left, right] = line.split(' - ');
      return { path: left?.split(' ')[4] ?? '', type: right?.split(' ')[0] ?? '' };
    })
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2');
  const v1 = mounts.some(({ type }) => type === 'cgroup');
  return { version: v1 ? 1 : 2, mounts: [...new Set(mounts.map(({ path }) => path))] };
}

/** The kubelet's cgroupRoot for a lab. */
export function cgroupRootOf(labId: string): string {
  return `/${parent}/${labId}`;
}

/**
 * Makes the directory of a kubelet (`cgroupRootOf`, or below it) in every hierarchy.
 *
 * @throws MeshproofError MESHPROOF_CLUSTER_UNAVAILABLE when cgroups are missing, read-only or cannot be delegated.
 */
export async function createCgroups(root: string, layout = cgroupLayout()): Promise<void> {
  if (layout.mounts.length === 0) throw unusable('no cgroup file system is mounted');
  try {
    const names = root.split('/').filter(Boolean);
    for (const mount of layout.mounts) {
      await mkdir(join(mount, root), { recursive: true });
      const dirs = names.map((_, index) => join(mount, ...names.slice(0, index + 1)));
      if (layout.version === 2) for (const dir of [mount, ...dirs]) enableControllers(dir);
      else for (const dir of dirs) inheritCpuset(dir);
      weigh(join(mount, parent));
    }
  } catch (error) {
    throw error instanceof MeshproofError ? error : unusable(messageOf(error));
  }
}

/** Removes the lab's directories, depth first. False while a process still lives in one of them. */
export function removeCgroups(labId: string, layout = cgroupLayout()): boolean {
  let gone = true;
  for (const mount of layout.mounts) {
    gone = removeTree(join(mount, parent, labId)) && gone;
    removeTree(join(mount, parent), 0);
  }
  return gone;
}

/** Every lab's directory in every hierarchy. */
export function cgroupDirectories(layout = cgroupLayout()): string[] {
  return layout.mounts
    .map((mount) => join(mount, parent))
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(path, entry.name)),
    );
}

function removeTree(dir: string, depth = Infinity): boolean {
  try {
    if (depth > 0) {
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        if (entry.isDirectory()) removeTree(join(dir, entry.name));
      }
    }
    rmdirSync(dir);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Only where this hierarchy has the CPU controller. */
function weigh(dir: string): void {
  for (const [file, value] of [
    ['cpu.shares', weight.v1],
    ['cpu.weight', weight.v2],
  ] as const) {
    if (existsSync(join(dir, file))) writeFileSync(join(dir, file), value);
  }
}

/** A v1 cpuset starts empty, and no process can enter it before it names CPUs and memory nodes. */
function inheritCpuset(dir: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const path = join(dir, file);
    if (!existsSync(path) || readFileSync(path, 'utf8').trim() !== '') continue;
    writeFileSync(path, readFileSync(join(dirname(dir), file), 'utf8').trim());
  }
}

function enableControllers(dir: string): void {
  const available = readFileSync(join(dir, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const missing = neededControllers.filter((controller) => !available.includes(controller));
  if (missing.length > 0) throw unusable(`${dir} has no ${missing.join(', ')} controller`);
  const wanted = available.filter((controller) =>
    [...neededControllers, 'cpuset', 'io', 'hugetlb'].includes(controller),
  );
  const enabled = readFileSync(join(dir, 'cgroup.subtree_control'), 'utf8').trim().split(' ');
  const add = wanted.filter((controller) => !enabled.includes(controller));
  if (add.length > 0)
    writeFileSync(join(dir, 'cgroup.subtree_control'), add.map((controller) => `+${controller}`).join(' '));
}

function unusable(why: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_CLUSTER_UNAVAILABLE',
    `This machine's cgroups cannot hold a node: ${why}`,
    'Run on the host or in a container with --privileged and --cgroupns=host.',
  );
}
