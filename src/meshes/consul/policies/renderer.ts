import type { PolicyKind } from '../../../policies/index.ts';
import type { PolicyRenderer, PolicyRenderers } from '../../policy-renderer.ts';
import type { ConfigEntry, Entries } from '../config-entry.ts';
import type { ConsulProxy } from '../proxy-config.ts';

/** One kind of policy as Consul's config entries, and as a sidecar shows it. */
export type ConsulRenderer<Kind extends PolicyKind> = PolicyRenderer<Kind, Entries, ConfigEntry, ConsulProxy>;
export type ConsulRenderers = PolicyRenderers<Entries, ConfigEntry, ConsulProxy>;
