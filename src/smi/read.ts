import type { KubeObject } from '../kube/types.ts';
import { quantity } from '../observe/telemetry/resources.ts';
import type { HttpMatch, ServiceAccount, SmiObject } from './model.ts';

/** API groups of the Service Mesh Interface. */
export const smiGroups = ['split.smi-spec.io', 'access.smi-spec.io', 'specs.smi-spec.io', 'metrics.smi-spec.io'];

type Fields = Record<string, unknown>;

/**
 * An object of any version of its kind. What changed between them: weights were quantities at first (`500m`), a
 * TrafficTarget and an HTTPRouteGroup had no `spec`, rules were called `specs`, headers were a list.
 *
 * @returns undefined for a kind that is not SMI's, or one that nobody reads (UDPRoute)
 */
export function readSmi(object: KubeObject): SmiObject | undefined {
  const { apiVersion, kind, metadata } = object;
  if (!smiGroups.includes(apiVersion.split('/')[0] ?? '')) return undefined;
  const base = { name: metadata.name, namespace: metadata.namespace ?? 'default', apiVersion };
  const fields = (object.spec ?? object) as Fields;
  switch (kind) {
    case 'TrafficSplit':
      return {
        ...base,
        kind,
        service: shortName(fields['service']),
        backends: list(fields['backends']).map(({ service, weight }) => ({
          service: shortName(service),
          weight: weightOf(weight),
        })),
        matches: list(fields['matches']).map(({ name }) => text(name)),
      };
    case 'TrafficTarget':
      return {
        ...base,
        kind,
        destination: account(fields['destination'] as Fields, base.namespace),
        sources: list(fields['sources']).map((source) => account(source, base.namespace)),
        rules: list(fields['rules'] ?? fields['specs']).map(({ kind: of, name, matches }) => ({
          kind: text(of),
          name: text(name),
          matches: ((matches ?? []) as unknown[]).map(text),
        })),
      };
    case 'HTTPRouteGroup':
      return { ...base, kind, matches: list(fields['matches']).map(match) };
    case 'TCPRoute': {
      const ports = (fields['matches'] as { ports?: number[] } | undefined)?.ports ?? [];
      return { ...base, kind, ports };
    }
    case 'TrafficMetrics':
      return { ...base, kind, ...metricsOf(object as unknown as Fields) };
    default:
      return undefined;
  }
}

function match({ name, pathRegex, methods, headers }: Fields): HttpMatch {
  const all = ((methods ?? []) as unknown[]).map(text);
  // Before v1alpha4: a list of maps of one header each.
  const pairs = Array.isArray(headers) ? Object.assign({}, ...(headers as Fields[])) : (headers ?? {});
  return {
    name: text(name),
    ...(pathRegex !== undefined && { pathRegex: text(pathRegex) }),
    methods: all.includes('*') ? [] : all,
    headers: Object.fromEntries(Object.entries(pairs as Fields).map(([key, value]) => [key, text(value)])),
  };
}

function metricsOf(object: Fields) {
  const resource = (object['resource'] ?? {}) as Fields;
  const edge = object['edge'] as Fields | undefined;
  const other = (edge?.['resource'] ?? {}) as Fields;
  return {
    resource: { kind: text(resource['kind']), name: text(resource['name']) },
    ...(edge && { edge: { direction: text(edge['direction']), kind: text(other['kind']), name: text(other['name']) } }),
    metrics: list(object['metrics']).map(({ name, value, unit }) => ({
      name: text(name),
      value: text(value),
      unit: text(unit),
    })),
  };
}

function account(fields: Fields | undefined, namespace: string): ServiceAccount {
  return { name: text(fields?.['name']), namespace: text(fields?.['namespace'] ?? namespace) };
}

/** `1`, `"1"`, and the quantities of v1alpha1: `500m` is half a share. */
function weightOf(value: unknown): number {
  return typeof value === 'number' ? value : (quantity(text(value)) ?? 0);
}

/** `web` of `web`, `web.shop` or `web.shop.svc.cluster.local`. */
function shortName(value: unknown): string {
  return text(value).split('.')[0] ?? '';
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
