import type { Json } from '../../base/json.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { ServiceFacts } from '../custom-resources.ts';
import { hostOf, labels } from './names.ts';

/** Istio's own kinds that policies are made of, in the order in which they must be written. */
export const kinds = {
  PeerAuthentication: { apiVersion: 'security.istio.io/v1', plural: 'peerauthentications' },
  AuthorizationPolicy: { apiVersion: 'security.istio.io/v1', plural: 'authorizationpolicies' },
  DestinationRule: { apiVersion: 'networking.istio.io/v1', plural: 'destinationrules' },
  VirtualService: { apiVersion: 'networking.istio.io/v1', plural: 'virtualservices' },
} as const;
export type Kind = keyof typeof kinds;

/** One of Istio's resources by what identifies it. */
export interface Resource {
  kind: Kind;
  /** Of the service it is about. */
  name: string;
  /** Null: there is none. */
  spec: Json;
}

/** What the renderers of policies build on. */
export interface World {
  readonly namespace: string;
  readonly trustDomain: string;
  /** The spec as it is so far, or undefined. */
  get(kind: Kind, name: string): Json | undefined;
  factsOf(service: string): Pick<ServiceFacts, 'selector' | 'account'>;
}

export function resourceId(kind: Kind, name: string): string {
  return `${kind}/${name}`;
}

export function splitResourceId(id: string): { kind: Kind; name: string } {
  const at = id.indexOf('/');
  return { kind: id.slice(0, at) as Kind, name: id.slice(at + 1) };
}

/** Lower is written first. */
export function rankOf(id: string): number {
  return Object.keys(kinds).indexOf(splitResourceId(id).kind);
}

/** Above all of meshproof's own, so that it meets none of the user's. */
function objectName(name: string): string {
  return `meshproof-${name}`;
}

export function toObject({ kind, name, spec }: Resource, namespace: string): KubeObject {
  return {
    apiVersion: kinds[kind].apiVersion,
    kind,
    metadata: { name: objectName(name), namespace, labels: { [labels.managedBy]: 'meshproof' } },
    spec,
  };
}

/** The name that `toObject` was given. */
export function nameOf({ metadata }: KubeObject): string {
  return metadata.name.replace(/^meshproof-/, '');
}

export function host(world: Pick<World, 'namespace'>, service: string): string {
  return hostOf(service, world.namespace);
}
