import type { MeshEntry } from './define-mesh.ts';

/** A mesh as it is where policies are written in one of its dialects; undefined: in its usual one. Pure. */
export function inDialect(entry: MeshEntry, name: string | undefined): MeshEntry {
  const dialect = name === undefined ? undefined : entry.dialects?.[name];
  if (dialect === undefined) return entry;
  // Its tools are asked for by `toolsOf`: only who installs the mesh needs them.
  const { title, policies, says, retriesBoundedBy, cannotSay } = dialect;
  const { capabilities } = entry;
  return {
    ...entry,
    retriesBoundedBy,
    cannotSay,
    title: `${entry.title} (${title})`,
    policies: { ...entry.policies, ...policies },
    capabilities: { ...capabilities, says: { ...capabilities.says, ...says } },
  };
}
