import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';

/** What this host allows of something that a lab uses much of. */
export interface HostLimit {
  id: 'inotify-instances' | 'inotify-watches' | 'pids' | 'cgroup-pids' | 'user-processes';
  /** Where the limit is set. */
  what: string;
  /** Infinity where nothing limits it; `null` in JSON. */
  limit: number;
  used: number;
  /** How many must be free for a lab. */
  needed: number;
  enough: boolean;
  /** How to raise it. */
  hint: string;
}

/**
 * Counted on 2 cores in a lab under load, with all services in the mesh: 147 processes with 675 threads, 144 of them of
 * one user; 16 inotify instances with 509 watches. The bounds leave room for more cores, replicas and a second lab.
 */
const needs = { instances: 64, watches: 4096, threads: 2048, threadsOfUser: 1024 };

/** Reads /proc and the cgroup file system only; all of it in some 50 ms. */
export function hostLimits({ proc = '/proc', cgroup = '/sys/fs/cgroup' } = {}): HostLimit[] {
  const inotify = inotifyUse(proc);
  const threads = Number(/\/(\d+) /.exec(read(join(proc, 'loadavg')) ?? '')?.[1] ?? 0);
  const setting = (name: string): number => toNumber(read(join(proc, 'sys', name)));
  const pids = Math.min(setting('kernel/pid_max'), setting('kernel/threads-max'));
  const group = tightestGroup(proc, cgroup);
  const ofUser = /^Max processes\s+(\S+)/m.exec(read(join(proc, 'self/limits')) ?? '')?.[1];
  const limits: Omit<HostLimit, 'enough'>[] = [
    {
      ...{ id: 'inotify-instances', what: 'fs.inotify.max_user_instances', used: inotify.instances },
      ...{ limit: setting('fs/inotify/max_user_instances'), needed: needs.instances },
      hint: 'sysctl -w fs.inotify.max_user_instances=512',
    },
    {
      ...{ id: 'inotify-watches', what: 'fs.inotify.max_user_watches', used: inotify.watches },
      ...{ limit: setting('fs/inotify/max_user_watches'), needed: needs.watches },
      hint: 'sysctl -w fs.inotify.max_user_watches=524288',
    },
    {
      ...{ id: 'pids', what: 'kernel.pid_max and kernel.threads-max', limit: pids, used: threads },
      ...{ needed: needs.threads, hint: 'sysctl -w kernel.pid_max=4194304 kernel.threads-max=200000' },
    },
    {
      ...{ id: 'cgroup-pids', what: `pids.max of the cgroup ${group.path}`, limit: group.limit, used: group.used },
      ...{ needed: needs.threads, hint: 'raise it: docker run --pids-limit=-1, systemd TasksMax=infinity' },
    },
    {
      // Each user of the pods is counted by itself; root is not limited.
      ...{ id: 'user-processes', what: 'ulimit -u', limit: toNumber(ofUser), used: 0 },
      ...{ needed: needs.threadsOfUser, hint: 'ulimit -u unlimited, or nproc in /etc/security/limits.conf' },
    },
  ];
  return limits.map((each) => ({ ...each, enough: each.limit - each.used >= each.needed }));
}

/** What to tell about limits that leave too little room, or undefined. */
export function limitProblem(limits: readonly HostLimit[]): MeshproofError | undefined {
  const low = limits.filter(({ enough }) => !enough);
  if (low.length === 0) return undefined;
  return new MeshproofError(
    'MESHPROOF_PLATFORM',
    low
      .map(({ what, limit, used, needed }) => `${what} is ${limit}, ${used} are used, a lab needs ${needed}`)
      .join('; '),
    `As root: ${low.map(({ hint }) => hint).join('; ')}`,
  );
}

/** Instances and watches of this process's user, to whom they are charged. */
function inotifyUse(proc: string): { instances: number; watches: number } {
  const use = { instances: 0, watches: 0 };
  const owner = effectiveUser(proc, 'self');
  for (const pid of readdirSync(proc).filter((name) => /^\d+$/.test(name))) {
    if (effectiveUser(proc, pid) !== owner) continue;
    for (const fd of entries(join(proc, pid, 'fd'))) {
      if (linkOf(join(proc, pid, 'fd', fd)) !== 'anon_inode:inotify') continue;
      use.instances++;
      use.watches += read(join(proc, pid, 'fdinfo', fd))?.match(/^inotify /gm)?.length ?? 0;
    }
  }
  return use;
}

function effectiveUser(proc: string, pid: string): string | undefined {
  return /^Uid:\s+\d+\s+(\d+)/m.exec(read(join(proc, pid, 'status')) ?? '')?.[1];
}

/** Of the cgroup this process is in and those above it, the one with the least room: version 2, or the pids controller of version 1. */
function tightestGroup(proc: string, cgroup: string): { path: string; limit: number; used: number } {
  let tightest = { path: '/', limit: Infinity, used: 0 };
  for (const line of (read(join(proc, 'self/cgroup')) ?? '').split('\n')) {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const mounts = controllers === '' ? ['', 'unified'] : controllers === 'pids' ? ['pids'] : [];
    const parts = path.split('/').filter(Boolean);
    for (const mount of mounts) {
      for (let depth = parts.length; depth >= 0; depth--) {
        const group = `/${parts.slice(0, depth).join('/')}`;
        const limit = toNumber(read(join(cgroup, mount, group, 'pids.max')));
        const used = Number(read(join(cgroup, mount, group, 'pids.current')) ?? 0);
        if (limit - used < tightest.limit - tightest.used) tightest = { path: group, limit, used };
      }
    }
  }
  return tightest;
}

/** A limit that cannot be read limits nothing here. */
function toNumber(text: string | undefined): number {
  const value = Number(text?.trim() || 'none');
  return Number.isNaN(value) ? Infinity : value;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    // Another user's process, or one that has ended.
    return [];
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
