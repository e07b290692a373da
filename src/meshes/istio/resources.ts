import type { Json } from '../../base/json.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { ServiceFacts } from '../custom-resources.ts';
import type { PrefixRoute } from '../prefix-routes.ts';
import { hostOf, labels } from './names.ts';

/** Kinds that policies are made of, in the order in which they must be written. */
export const kinds = {
  PeerAuthentication: { apiVersion: 'security.istio.io/v1', plural: 'peerauthentications' },
  AuthorizationPolicy: { apiVersion: 'security.istio.io/v1', plural: 'authorizationpolicies' },
  DestinationRule: { apiVersion: 'networking.istio.io/v1', plural: 'destinationrules' },
  VirtualService: { apiVersion: 'networking.istio.io/v1', plural: 'virtualservices' },
  /** Of the Gateway API: only there where a cluster has its definitions. */
  HTTPRoute: { apiVersion: 'gateway.networking.k8s.io/v1', plural: 'httproutes' },
} as const;
export type Kind = keyof typeof kinds;

/** Those that every Istio has. */
export const istioKinds: readonly Kind[] = (Object.keys(kinds) as Kind[]).filter((kind) => kind !== 'HTTPRoute');

/** One of Istio's resources by what identifies it. */
export interface Resource {
  kind: Kind;
  /** Of the service it is about. */
  name: string;
  /** Null: there is none. */
  spec: Json;
  /** Why it is another resource than the dialect's usual one. */
  note?: string | undefined;
}

/** What callers do with the requests of a route, in no mesh's words. */
export interface Action {
  /** Left out: what Istio does by itself, that is two retries. */
  retry?: { attempts: number; onStatus: readonly number[] };
  /** 0: none. */
  timeoutMs?: number;
}

/** What the renderers of policies build on. */
export interface World {
  readonly namespace: string;
  readonly trustDomain: string;
  factsOf(service: string): Pick<ServiceFacts, 'selector' | 'account'> & Partial<Pick<ServiceFacts, 'ports'>>;
  /** By service, what the policies before this one made of its routes. */
  readonly routes: Map<string, PrefixRoute<Action>[]>;
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
