import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Detection } from '../provider.ts';
import { cgroupLayout } from './cgroup.ts';

/** What the embedded provider finds on a machine; given by tests, read from the machine otherwise. */
export interface MachineFacts {
  platform: NodeJS.Platform;
  arch: string;
  uid: number | undefined;
  /** Programs of util-linux that are missing in PATH. */
  missingPrograms: string[];
  hasCgroups: boolean;
}

const neededPrograms = ['unshare', 'setpriv', 'nsenter', 'mount', 'hostname', 'mkfifo'];

export async function detectEmbedded(): Promise<Detection> {
  return judgeEmbedded(await machineFacts());
}

/** Usable only if nothing is in the way; the reason names the first thing that is. */
export function judgeEmbedded(facts: MachineFacts): Detection {
  const no = (reason: string): Detection => ({ provider: 'embedded', usable: false, reason });
  if (facts.platform !== 'linux') return no(`needs Linux, this is ${facts.platform}`);
  if (facts.arch !== 'x64') return no(`needs an x86-64 machine, this is ${facts.arch}`);
  if (facts.uid !== 0) {
    return { ...no(`needs root, this is uid ${facts.uid ?? 'unknown'}: run with sudo`), lacksRoot: true };
  }
  if (facts.missingPrograms.length > 0) {
    return no(`needs ${facts.missingPrograms.join(', ')} of util-linux and coreutils, which PATH lacks`);
  }
  if (!facts.hasCgroups)
    return no('needs cgroups, none are mounted: a container must be --privileged with --cgroupns=host');
  return { provider: 'embedded', usable: true, reason: 'Linux with root: Kubernetes runs in namespaces of its own' };
}

async function machineFacts(): Promise<MachineFacts> {
  const linux = process.platform === 'linux';
  const found = await Promise.all(neededPrograms.map(isInPath));
  return {
    platform: process.platform,
    arch: process.arch,
    uid: process.getuid?.(),
    missingPrograms: neededPrograms.filter((_, index) => !found[index]),
    hasCgroups: linux && cgroupLayout().mounts.length > 0,
  };
}

async function isInPath(name: string): Promise<boolean> {
  for (const dir of `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter)) {
    const ok = await access(join(dir, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (ok) return true;
  }
  return false;
}
