import { table } from '../base/table.ts';
import { plural, shortIdentity } from '../base/words.ts';
import type { EdgeFacts } from '../judge/rules/edge-rules.ts';
import type { ProxyView, ProxyWay } from '../meshes/proxy-view.ts';
import { none } from './cells.ts';
import type { SeenPod } from './seen-pods.ts';

/** Who calls whom, since the proxies started. */
export interface EdgeRow extends EdgeFacts {
  /** The server takes plaintext from others as well, whatever this caller does. */
  plaintextTaken: boolean;
  connections: number;
  handshakes: number;
}

/** What is known of one pod. */
export interface ProxyFacts {
  pod: SeenPod;
  view: ProxyView;
  /** That its certificates name. */
  identities: readonly string[];
  /** Connections it has taken in, and TLS handshakes among them. */
  inbound: { connections: number; handshakes: number };
}

export interface EdgesInput {
  pods: readonly SeenPod[];
  /** Of the pods whose proxies could be asked. */
  proxies: readonly ProxyFacts[];
  /** Declared by the app file: shown also where no proxy saw a connection. */
  edges?: readonly { source: string; destination: string }[] | undefined;
}

/** In a row of its own: connections from outside of the mesh. */
const outside = '(outside the mesh)';

/** Pure. */
export function edgeRows({ pods, proxies, edges = [] }: EdgesInput): EdgeRow[] {
  const used = proxies.flatMap(({ pod, view }) =>
    [...view.ways]
      .filter(([, way]) => way.connections > 0)
      .map(([destination]) => ({ source: pod.service, destination })),
  );
  const all = new Map([...edges, ...used].map((edge) => [`${edge.source}->${edge.destination}`, edge]));
  const rows = [...all].map(([id, { source, destination }]): EdgeRow => {
    const callers = proxies.filter(({ pod }) => pod.service === source);
    const servers = proxies.filter(({ pod }) => pod.service === destination);
    const way = sumOf(callers.flatMap(({ view }) => view.ways.get(destination) ?? []));
    const bare = [source, destination].find((service) => unmeshed(pods, service));
    const uncounted = callers.find(({ view }) => view.uncounted !== undefined)?.view.uncounted;
    return {
      ...{ id, source, destination },
      clientIdentities: identitiesOf(callers),
      serverIdentities: identitiesOf(servers),
      ...judged(way, { bare, uncounted, mixed: mixed(pods, destination) }),
      plaintextTaken: servers.some(({ view }) => view.permissive),
      connections: way.connections,
      handshakes: way.handshakes,
    };
  });
  return [...rows, ...plaintextRows(proxies)].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What permissive servers took in without TLS. */
function plaintextRows(proxies: readonly ProxyFacts[]): EdgeRow[] {
  const services = [...new Set(proxies.map(({ pod }) => pod.service))];
  return services.flatMap((destination) => {
    const servers = proxies.filter(
      ({ pod, view }) => pod.service === destination && view.permissive && view.uncounted === undefined,
    );
    const connections = servers.reduce((sum, { inbound }) => sum + inbound.connections, 0);
    const handshakes = servers.reduce((sum, { inbound }) => sum + inbound.handshakes, 0);
    const plain = connections - handshakes;
    if (plain <= 0) return [];
    return [
      {
        id: `${outside}->${destination}`,
        ...{ source: outside, destination, clientIdentities: [], serverIdentities: identitiesOf(servers) },
        ...{ secured: false, plaintextTaken: true, connections: plain, handshakes: 0 },
        message: `its proxies took ${plural(plain, 'connection')} without TLS: permissive`,
      },
    ];
  });
}

type Counts = Pick<ProxyWay, 'connections' | 'connectFailures' | 'handshakes' | 'badCertificates'>;

function sumOf(ways: readonly Counts[]): Counts {
  const sum = (pick: (way: Counts) => number): number => ways.reduce((total, way) => total + pick(way), 0);
  return {
    connections: sum((way) => way.connections),
    connectFailures: sum((way) => way.connectFailures),
    handshakes: sum((way) => way.handshakes),
    badCertificates: sum((way) => way.badCertificates),
  };
}

function judged(
  { connections, connectFailures, handshakes, badCertificates }: Counts,
  { bare, uncounted, mixed: half }: Record<'bare' | 'uncounted' | 'mixed', string | undefined>,
): Pick<EdgeRow, 'secured' | 'message'> {
  if (bare !== undefined) return { secured: false, message: `no pod of ${bare} is in the mesh: plaintext` };
  if (uncounted !== undefined) return { secured: null, message: `not known: its proxies leave out ${uncounted}` };
  const met = connections - connectFailures;
  if (met <= 0) {
    return {
      secured: null,
      message: badCertificates > 0 ? 'certificates were not accepted' : 'no connection since the proxies started',
    };
  }
  const counted = `${handshakes} TLS handshakes in ${plural(met, 'connection')}`;
  if (handshakes < met) return { secured: false, message: `${counted}, by the caller’s proxies` };
  return { secured: true, message: `${counted}, certificates of both${half === undefined ? '' : `; ${half}`}` };
}

function unmeshed(pods: readonly SeenPod[], service: string): boolean {
  const own = pods.filter((pod) => pod.service === service);
  return own.length > 0 && own.every(({ meshed }) => !meshed);
}

/** A replica outside of the mesh may be called in plaintext by whoever does not call through the mesh. */
function mixed(pods: readonly SeenPod[], service: string): string | undefined {
  const bare = pods.filter((pod) => pod.service === service && !pod.meshed);
  return bare.length === 0 ? undefined : `without a sidecar: ${bare.map(({ ref }) => ref.name).join(', ')}`;
}

function identitiesOf(proxies: readonly ProxyFacts[]): string[] {
  return [...new Set(proxies.flatMap(({ identities }) => identities))].sort();
}

export function edgesTable(rows: readonly EdgeRow[]): string {
  const named = (identities: readonly string[]): string => identities.map(shortIdentity).join(', ') || none;
  return table([
    ['SOURCE', 'DESTINATION', 'CLIENT_ID', 'SERVER_ID', 'SECURED', 'MESSAGE'],
    ...rows.map((row) => [
      row.source,
      row.destination,
      named(row.clientIdentities),
      named(row.serverIdentities),
      row.secured === null ? none : row.secured ? '√' : '× no',
      row.plaintextTaken && row.secured !== false
        ? `${row.message}; others may call in plaintext: permissive`
        : row.message,
    ]),
  ]);
}
