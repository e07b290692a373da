import type { PolicyKind } from '../../../policies/index.ts';
import type { PolicyRenderer, PolicyRenderers } from '../../policy-renderer.ts';
import type { InboundPolicy } from '../inbound-policy.ts';
import type { OutboundPolicy } from '../outbound-policy.ts';
import type { Resource, World } from '../resources.ts';
import type { Profile } from '../service-profile/profile-answer.ts';

/** A proxy, with what the control plane tells it of the services that a policy is about. */
export interface LinkerdProxy {
  service: string;
  /** Of the service that the policy is about, for each of its ports; empty for one that is no Service. */
  outbound: readonly OutboundPolicy[];
  /** The same by a ServiceProfile; empty where policies are not told so. */
  profiles: readonly Profile[];
  /** Of its own ports that a Service names. */
  inbound: readonly InboundPolicy[];
  factsOf: World['factsOf'];
}

/** One kind of policy as Linkerd's resources, and as the control plane tells it to a proxy. */
export type LinkerdRenderer<Kind extends PolicyKind> = PolicyRenderer<Kind, World, Resource, LinkerdProxy>;
export type LinkerdRenderers = PolicyRenderers<World, Resource, LinkerdProxy>;
