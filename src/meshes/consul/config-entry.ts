/** A config entry as Consul's API has it; `Kind` and `Name` identify it. Only the mesh entry has no name. */
export interface ConfigEntry {
  Kind: string;
  Name?: string;
  [field: string]: unknown;
}

/** What the renderers of policies build on. */
export interface Entries {
  /** An entry as it is so far, or undefined. */
  get(kind: EntryKind, name: string): ConfigEntry | undefined;
  /** Every service of the mesh: some policies are settings of those who call. */
  readonly services: readonly string[];
}

/** Kinds that policies are made of, in the order in which they must be written; they are taken away the other way round. */
export const entryKinds = ['mesh', 'service-defaults', 'service-router', 'service-intentions'] as const;
export type EntryKind = (typeof entryKinds)[number];

/** `service-router/trips`; the mesh entry is `mesh/mesh`. */
export function entryId({ Kind, Name }: Pick<ConfigEntry, 'Kind' | 'Name'>): string {
  return `${Kind}/${Name ?? Kind}`;
}

export function splitEntryId(id: string): { kind: string; name: string } {
  const at = id.indexOf('/');
  return { kind: id.slice(0, at), name: id.slice(at + 1) };
}

/** Fields that Consul sets, and refuses or ignores when they are sent back. */
const bookkeeping = new Set(['CreateIndex', 'ModifyIndex', 'Hash', 'Precedence', 'LegacyID', 'Type']);

export function withoutBookkeeping(entry: ConfigEntry): ConfigEntry {
  return JSON.parse(JSON.stringify(entry, (key, value) => (bookkeeping.has(key) ? undefined : value))) as ConfigEntry;
}

/** The defaults of a service as they are, or those of one that nobody has written any for. */
export function defaultsOf(entries: Entries, service: string): ConfigEntry {
  return entries.get('service-defaults', service) ?? { Kind: 'service-defaults', Name: service, Protocol: 'http' };
}
