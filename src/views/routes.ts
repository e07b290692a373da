import { isDeepStrictEqual } from 'node:util';
import { table } from '../base/table.ts';
import { milliseconds } from '../base/words.ts';
import type { ProxyRoute, ProxyView } from '../meshes/proxy-view.ts';
import { edgeFigures } from '../observe/telemetry/figures.ts';
import { goldenSignals } from '../observe/telemetry/golden.ts';
import type { ProxyDelta } from '../observe/telemetry/delta.ts';
import type { Quantiles } from '../report/signal-text.ts';
import { latency, none, quantilesOf, rate, share } from './cells.ts';
import type { Traffic } from './watch-traffic.ts';

/** What the proxies of a caller do with some requests, and how many of them do so. */
export interface RouteInForce extends Pick<ProxyRoute, 'retries' | 'onStatus'> {
  /** Null: they wait for ever. */
  timeoutMs: number | null;
  proxies: number;
}

/** A way from a caller to a service, as the caller's proxies count and have it. Null: nothing was measured. */
export interface RouteRow extends Quantiles {
  /** `source->destination`, and behind a space the route, where it is not all requests. */
  id: string;
  source: string;
  destination: string;
  /** `*` for all requests; else the path prefix, or `?` for requests told apart by something else. */
  route: string;
  /** As the app file calls it. */
  name?: string;
  /** What the caller's app gets: answers after all retries. */
  effectiveSuccess: number | null;
  effectiveRps: number | null;
  /** What goes out to the service: every try counts. */
  actualSuccess: number | null;
  actualRps: number | null;
  /** In the window. */
  retries: number | null;
  timeouts: number | null;
  /** Empty for TCP, and where the proxies do not tell; several where they differ. */
  inForce: RouteInForce[];
}

export interface RoutesInput {
  traffic: Pick<Traffic, 'deltas' | 'after'>;
  /** What each proxy was told, with the service it belongs to. */
  views: readonly { service: string; view: Pick<ProxyView, 'ways'> }[];
  /** Ways to show although nobody has used them yet. */
  edges?: readonly { source: string; destination: string }[] | undefined;
  /** Routes that the app file names. */
  names?: readonly { service: string; name: string; pathPrefix: string }[] | undefined;
  /** Only ways from or to it. */
  service?: string | undefined;
}

/** Pure: every way that is used or declared, and below it the routes with a rule of their own. */
export function routeRows({ traffic, views, edges = [], names = [], service }: RoutesInput): RouteRow[] {
  const used = traffic.after.flatMap(({ service: source, outbound }) =>
    outbound
      .filter(({ attempts, connections }) => attempts > 0 || connections > 0)
      .map(({ destination }) => ({ source, destination })),
  );
  const ways = new Map([...edges, ...used].map((way) => [`${way.source}->${way.destination}`, way]));
  const shown = [...ways].filter(
    ([, { source, destination }]) => service === undefined || service === source || service === destination,
  );
  return shown
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, { source, destination }]) => {
      const rules = rulesOf(views, source, destination);
      const all = { id, source, destination, route: '*', inForce: rules.get('*') ?? [] };
      const own = [...rules].filter(([route]) => route !== '*');
      return [
        { ...all, ...figures(traffic.deltas, source, destination) },
        ...own.map(([route, inForce]) => {
          const name = names.find((each) => each.service === destination && each.pathPrefix === route)?.name;
          return { ...all, id: `${id} ${route}`, route, inForce, ...(name !== undefined && { name }), ...unmeasured };
        }),
      ];
    });
}

/** Proxies count by service, not by route. */
const unmeasured = {
  effectiveSuccess: null,
  effectiveRps: null,
  actualSuccess: null,
  actualRps: null,
  retries: null,
  timeouts: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
} as const;

type Figures = { [key in keyof typeof unmeasured]: number | null };

function figures(deltas: readonly ProxyDelta[], source: string, destination: string): Figures & Quantiles {
  const own = deltas.filter(({ service }) => service === source);
  const signals = goldenSignals({ scenario: '', arm: '', phase: '', deltas: own }).find(
    (row) => row.reporter === 'client-proxy' && row.destination === destination,
  );
  if (signals === undefined || signals.protocol !== 'http') return unmeasured;
  const { saturation, successRate, rps } = signals;
  const { requests, errors } = edgeFigures(own, source, destination)!;
  const outward = own.flatMap(({ outbound, seconds }) =>
    outbound.filter((out) => out.destination === destination).map(({ attempts }) => ({ attempts, seconds })),
  );
  const attempts = outward.reduce((sum, out) => sum + out.attempts, 0);
  return {
    effectiveSuccess: successRate,
    effectiveRps: rps,
    // A try that succeeds is the last one: there are as many as good answers. One may have begun before the window. Requests
    // come from rates, so they are not quite whole.
    actualSuccess: attempts > 0 ? Math.min(1, Math.round(requests - errors) / attempts) : null,
    actualRps: Math.round(outward.reduce((sum, out) => sum + out.attempts / out.seconds, 0) * 1000) / 1000,
    retries: saturation['retries'] ?? null,
    timeouts: saturation['timeouts'] ?? null,
    ...quantilesOf(signals),
  };
}

/** By route what the proxies of a caller do. */
function rulesOf(views: RoutesInput['views'], source: string, destination: string): Map<string, RouteInForce[]> {
  const rules = new Map<string, RouteInForce[]>();
  for (const { service, view } of views) {
    if (service !== source) continue;
    // Behind the first that takes all requests no other is tried.
    let taken = false;
    for (const { pathPrefix, retries, onStatus, timeoutMs = null } of view.ways.get(destination)?.routes ?? []) {
      const route = pathPrefix === undefined ? '?' : ['', '/'].includes(pathPrefix) ? '*' : pathPrefix;
      if (taken) break;
      taken = route === '*';
      const known = rules.get(route) ?? [];
      const rule = { retries, onStatus: onStatus.toSorted(), timeoutMs };
      const same = known.find((other) => isDeepStrictEqual(other, { ...rule, proxies: other.proxies }));
      if (same) same.proxies++;
      else known.push({ ...rule, proxies: 1 });
      rules.set(route, known);
    }
  }
  return rules;
}

export function routesTable(rows: readonly RouteRow[]): string {
  return table([
    [
      ...['SOURCE', 'DESTINATION', 'ROUTE', 'EFFECTIVE_SUCCESS', 'EFFECTIVE_RPS', 'ACTUAL_SUCCESS', 'ACTUAL_RPS'],
      ...['P50', 'P95', 'P99', 'RETRIES', 'TIMEOUT'],
    ],
    ...rows.map((row) => [
      row.source,
      row.destination,
      row.name === undefined ? row.route : `${row.route} (${row.name})`,
      share(row.effectiveSuccess),
      rate(row.effectiveRps),
      share(row.actualSuccess),
      rate(row.actualRps),
      latency(row, 'p50'),
      latency(row, 'p95'),
      latency(row, 'p99'),
      rules(row.inForce, ({ retries, onStatus }) =>
        retries === 0 ? 'no' : onStatus.length === 0 ? `${retries}` : `${retries} on ${onStatus.join('/')}`,
      ),
      rules(row.inForce, ({ timeoutMs }) => (timeoutMs === null ? 'no' : milliseconds(timeoutMs))),
    ]),
  ]);
}

/** Several where proxies of one caller do not do the same. */
function rules(inForce: readonly RouteInForce[], text: (rule: RouteInForce) => string): string {
  return [...new Set(inForce.map(text))].join(' or ') || none;
}
