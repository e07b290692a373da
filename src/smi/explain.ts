import { percent } from '../base/words.ts';
import type { HttpMatch, ServiceAccount, SmiObject, TrafficTarget } from './model.ts';

/** What an object says, in one line. */
export function explain(object: SmiObject): string {
  switch (object.kind) {
    case 'TrafficSplit': {
      const total = object.backends.reduce((sum, { weight }) => sum + weight, 0);
      const shares = object.backends.map(
        ({ service, weight }) => `${total === 0 ? 'nothing' : percent(weight / total)} to ${service}`,
      );
      const which = object.matches.length === 0 ? 'requests' : `requests that are ${object.matches.join(' or ')}`;
      return `of the ${which} to ${object.service}: ${shares.join(', ')}`;
    }
    case 'TrafficTarget':
      return `${object.sources.map(nameOf).join(', ') || 'nobody'} may call ${nameOf(object.destination)}${rulesOf(object)}`;
    case 'HTTPRouteGroup':
      return `gives names to requests: ${object.matches.map((match) => `${match.name} (${requestsOf(match)})`).join(', ')}`;
    case 'TCPRoute':
      return `gives a name to connections${object.ports.length > 0 ? ` to port ${object.ports.join(', ')}` : ''}`;
    case 'TrafficMetrics': {
      const { resource, edge, metrics } = object;
      const other = edge && ` ${edge.direction} ${edge.kind} ${edge.name}`;
      const figures = metrics.map(({ name, value, unit }) => `${name} ${value}${unit}`).join(', ');
      return `figures of ${resource.kind} ${resource.name}${other ?? ''}: ${figures || 'none'}`;
    }
  }
}

/** `GET, POST /api/.*, header user-agent .*Android.*` */
export function requestsOf({ methods, pathRegex, headers }: HttpMatch): string {
  const fields = Object.entries(headers).map(([name, value]) => `header ${name} ${value}`);
  const line = [methods.join(', '), pathRegex].filter((part) => part !== undefined && part !== '').join(' ');
  return [line || 'any', ...fields].join(', ');
}

function nameOf({ name, namespace }: ServiceAccount): string {
  return `${namespace}/${name}`;
}

function rulesOf({ rules }: TrafficTarget): string {
  if (rules.length === 0) return '';
  const parts = rules.map(({ kind, name, matches }) =>
    matches.length > 0 ? `${matches.join(', ')} of ${name}` : `what ${kind} ${name} names`,
  );
  return `, only ${parts.join(' and ')}`;
}
