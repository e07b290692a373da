import type { PolicyKind } from '../../../policies/index.ts';
import type { PolicyRenderer, PolicyRenderers } from '../../policy-renderer.ts';
import type { ProxyConfig } from '../proxy-config.ts';
import type { Resource, World } from '../resources.ts';

/** The sidecar of a service, and what the cluster says of the others. */
export interface IstioProxy {
  service: string;
  config: ProxyConfig;
  factsOf: World['factsOf'];
}

/** One kind of policy as Istio's resources, and as a sidecar shows it. */
export type IstioRenderer<Kind extends PolicyKind> = PolicyRenderer<Kind, World, Resource, IstioProxy>;
export type IstioRenderers = PolicyRenderers<World, Resource, IstioProxy>;
