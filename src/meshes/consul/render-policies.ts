import type { Policy } from '../../policies/index.ts';
import { rendererOf } from '../policy-renderer.ts';
import { shortestPrefixFirst } from '../prefix-routes.ts';
import { entryId, entryKinds, splitEntryId, type ConfigEntry } from './config-entry.ts';
import { consulPolicies } from './policies/index.ts';
import type { ConsulRenderers } from './policies/renderer.ts';
import { pruned } from './policies/router.ts';

/** Entries by id; undefined: the entry goes, or is not there. */
export type EntryMap = ReadonlyMap<string, ConfigEntry | undefined>;

/**
 * Pure: policies, of any number of services, as the config entries they need, in the order in which these must be written.
 * What a policy does not speak of is kept as it is in an entry that exists; a service's router is what this call says of
 * its retries and timeouts, nothing else.
 *
 * @param services every service of the mesh
 * @throws TypeError for a kind that Consul has no renderer for: what needs it is skipped before
 */
export function renderPolicies(
  policies: readonly Policy[],
  current: EntryMap,
  services: readonly string[],
  renderers: ConsulRenderers = consulPolicies,
): Map<string, ConfigEntry | undefined> {
  const changes = new Map<string, ConfigEntry | undefined>();
  const entries = {
    services,
    get(kind: string, name: string): ConfigEntry | undefined {
      const id = entryId({ Kind: kind, Name: name });
      return changes.has(id) || kind === 'service-router' ? changes.get(id) : current.get(id);
    },
  };
  for (const policy of shortestPrefixFirst(policies)) {
    const renderer = rendererOf(renderers, policy.kind);
    if (!renderer) throw new TypeError(`Consul has no renderer for ${policy.kind}`);
    for (const entry of renderer.render(policy as never, entries)) changes.set(entryId(entry), entry);
  }
  const whole = [...changes].map(
    ([id, entry]) => [id, entry?.Kind === 'service-router' ? pruned(entry) : entry] as const,
  );
  return new Map(inOrder(whole));
}

/** As they must be written: what allows before what uses it. */
export function inOrder<T>(changes: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  const order = ([id]: readonly [string, T]): number =>
    (entryKinds as readonly string[]).indexOf(splitEntryId(id).kind);
  return changes.toSorted((a, b) => order(a) - order(b));
}

/**
 * Pure: every entry as it was before any policy: no routers, no intentions, no exceptions of the mesh, and of a service's
 * defaults neither its mode of mutual TLS nor what it says of single upstreams.
 */
export function pristine(current: EntryMap): Map<string, ConfigEntry | undefined> {
  return new Map([...current].map(([id, entry]) => [id, entry?.Kind === 'service-defaults' ? bare(entry) : undefined]));
}

function bare(entry: ConfigEntry): ConfigEntry {
  const copy = structuredClone(entry);
  delete copy.MutualTLSMode;
  delete (copy.UpstreamConfig as { Overrides?: unknown } | undefined)?.Overrides;
  return copy;
}
