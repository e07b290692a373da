import type { Json } from '../../base/json.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { ServiceFacts } from '../custom-resources.ts';
import type { PrefixRoute } from '../prefix-routes.ts';
import { hostName, labels, serviceOf } from './names.ts';

/**
 * What policies are made of, in the order in which it must be written: who may call before how they call. `Service` is one that
 * is there: of it only annotations are written.
 */
export const kinds = {
  MeshTLSAuthentication: { apiVersion: 'policy.linkerd.io/v1alpha1', plural: 'meshtlsauthentications' },
  NetworkAuthentication: { apiVersion: 'policy.linkerd.io/v1alpha1', plural: 'networkauthentications' },
  Server: { apiVersion: 'policy.linkerd.io/v1beta3', plural: 'servers' },
  AuthorizationPolicy: { apiVersion: 'policy.linkerd.io/v1alpha1', plural: 'authorizationpolicies' },
  Service: { apiVersion: 'v1', plural: 'services' },
  HTTPRoute: { apiVersion: 'gateway.networking.k8s.io/v1', plural: 'httproutes' },
  ServiceProfile: { apiVersion: 'linkerd.io/v1alpha2', plural: 'serviceprofiles' },
} as const;
export type Kind = keyof typeof kinds;

/** Of an object: its annotations and spec; of a Service its annotations alone. */
export type Content = { annotations?: Record<string, string>; spec?: Json };

export interface Resource {
  kind: Kind;
  /** Without meshproof's prefix. */
  name: string;
  /** Null: there is none; of a Service: nothing of meshproof's is left. */
  content: Content | null;
}

/** What a service's callers do with the requests of a route. */
export interface Action {
  retry?: { limit: number; onStatus: readonly number[] };
  timeoutMs?: number;
}

/** What the renderers of policies build on, and what the policies before this one made of it. */
export interface World {
  readonly namespace: string;
  /** What others call an object of this name. */
  named(name: string): string;
  factsOf(service: string): ServiceFacts;
  /** Annotations of a Service that policies are made of, as they are. */
  annotationsOf(service: string): Readonly<Record<string, string>>;
  /** By service. */
  readonly routes: Map<string, PrefixRoute<Action>[]>;
  /** By service: errors in a row that eject a replica. */
  readonly ejections: Map<string, number>;
  /** A service's ServiceProfile as it is; null: it has none. */
  profile(service: string): Content | null;
  /** By service, where routes are those of its ServiceProfile. */
  readonly profiles: Map<string, PrefixRoute<Action>[]>;
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
export function ownName(name: string): string {
  return `meshproof-${name}`;
}

/** A Service is the user's, and a ServiceProfile is found by the name of its service alone: it may be the user's too. */
export function objectName(kind: Kind, name: string, namespace: string): string {
  if (kind === 'Service') return name;
  return kind === 'ServiceProfile' ? hostName(name, namespace) : ownName(name);
}

/** The name that `objectName` was given; undefined: it was given none in this namespace. */
export function nameOf(kind: Kind, { metadata }: KubeObject, namespace: string): string | undefined {
  if (kind === 'Service') return metadata.name;
  return kind === 'ServiceProfile' ? serviceOf(metadata.name, namespace) : metadata.name.replace(/^meshproof-/, '');
}

export function toObject({ kind, name, content }: Resource & { content: Content }, namespace: string): KubeObject {
  const { annotations, spec } = content;
  return {
    apiVersion: kinds[kind].apiVersion,
    kind,
    metadata: {
      name: objectName(kind, name, namespace),
      namespace,
      ...(kind !== 'Service' && { labels: { [labels.managedBy]: 'meshproof' } }),
      ...(annotations && { annotations }),
    },
    ...(spec !== undefined && { spec }),
  };
}
