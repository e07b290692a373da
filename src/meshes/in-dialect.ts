import type { MeshEntry } from './define-mesh.ts';

/** A mesh as it is where policies are written in one of its dialects; undefined: in its usual one. Pure. */
export function inDialect(entry: MeshEntry, name: string | undefined): MeshEntry {
  const dialect = name === undefined ? undefined : entry.dialects?.[name];
  if (dialect === undefined) return entry;
  const { title, policies, says, ...limits } = dialect;
  const { capabilities } = entry;
  return {
    ...entry,
    ...limits,
    title: `${entry.title} (${title})`,
    policies: { ...entry.policies, ...policies },
    capabilities: { ...capabilities, says: { ...capabilities.says, ...says } },
  };
}
