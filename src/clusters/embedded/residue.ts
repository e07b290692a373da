import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupDirectories } from './cgroup.ts';
import { labEntries, labsRoot } from './lab-record.ts';
import { aliasOf } from './link.ts';
import { labVariable } from './node-process.ts';
import { labelledProcesses } from '../../base/process-identity.ts';

/**
 * Everything on this machine that belongs to a lab of this name, one line each; empty after a deletion. Routes go with
 * the link, and the host's iptables are never touched.
 */
export async function residue(name: string, root = labsRoot()): Promise<string[]> {
  const isId = new RegExp(`^${name}-[0-9a-f]{8}$`);
  const { labs, remains } = await labEntries(root);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  const ownFiles = (entry: string): boolean => entry === name || isId.test(entry.replace(/^\.(claim|delete)-/, ''));
  const lines = {
    process: labelledProcesses(labVariable)
      .filter(({ value }) => isId.test(value))
      .map(({ pid }) => String(pid)),
    mount: mounts.filter((path) => path.startsWith(`${join(root, name)}/`)),
    link: readdirSync('/sys/class/net').filter((link) => isId.test(aliasOf(link) ?? '')),
    cgroup: cgroupDirectories().filter((path) => isId.test(path.slice(path.lastIndexOf('/') + 1))),
    file: [...labs, ...remains].filter(ownFiles).map((entry) => join(root, entry)),
  };
  return Object.entries(lines).flatMap(([kind, things]) => things.map((thing) => `${kind} ${thing}`));
}
