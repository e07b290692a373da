import type { App } from '../apps/app.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { EvidencePath } from '../evidence/path.ts';
import { evidencePath, type Evidence } from '../evidence/store.ts';
import type { InboundMode } from '../judge/rules/edge-rules.ts';
import type { KubeClient } from '../kube/types.ts';
import { settled } from '../observe/health/check.ts';
import type { HealthResult } from '../observe/health/health.ts';
import { takeHealth } from '../observe/health/take-health.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';
import { edgeRows, type EdgeRow, type ProxyFacts } from '../views/edges.ts';
import { seeEdges } from '../views/see-edges.ts';
import { watchTraffic } from '../views/watch-traffic.ts';
import type { FoundMesh } from './find-mesh.ts';

/** How `verify` is called in ids and in the folder of its evidence. */
export const scenarioId = 'verify';

/** A handshake takes some milliseconds, in which its connection looks like plaintext: an edge is looked at again for so long. */
const handshakeMs = 3000;

export interface LookOptions extends FoundMesh {
  kube: KubeClient;
  namespace: string;
  /** Of the mesh's control plane. */
  control: string;
  /** Says which edges there should be. */
  app: App | undefined;
  windowMs: number;
  evidence: Evidence;
  clock: Clock;
  signal: AbortSignal;
}

/** What was seen, and where it is kept. */
export interface Seen {
  health: HealthResult;
  edges: EdgeRow[];
  /** Services that others may call. */
  called: { service: string; protocol: 'http' | 'tcp' }[];
  files: Record<
    'health' | 'sidecars' | 'problems' | 'edges' | 'modes' | 'identities' | 'before' | 'after',
    EvidencePath
  >;
}

/** Looks at everything, once, and watches traffic for a while; what it saw is evidence. */
export async function look(options: LookOptions): Promise<Seen> {
  const { kube, mesh, namespace, control, pods, app, windowMs, evidence, clock, signal } = options;
  const problems: string[] = [];
  const [traffic, health, sidecars] = await Promise.all([
    watchTraffic(pods, mesh, { windowMs, clock, signal }),
    takeHealth({
      ...{ kube, mesh, clock, signal, readOnly: true },
      namespaces: [...new Set(['kube-system', control, namespace])],
      meshedNamespaces: [namespace],
      diskPaths: [evidence.runDir],
    }),
    settled(
      () => mesh.sidecarProblems([namespace]),
      (found) => found.some(({ problem }) => problem !== 'no-sidecar'),
      { clock, signal },
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      problems.push(`sidecars cannot be looked at: ${messageOf(error)}`);
      return null;
    }),
  ]);
  const seen = await settled(
    async () => {
      const { problems: silent, ...facts } = await seeEdges(pods, mesh, signal);
      return { ...facts, silent, edges: edgeRows({ ...facts, edges: app?.edges }) };
    },
    ({ edges }) => edges.some(({ secured, handshakes }) => secured === false && handshakes > 0),
    { clock, signal, settleMs: handshakeMs },
  );
  problems.push(...new Set([...traffic.problems, ...seen.silent]));
  const write = (name: string, value: unknown): Promise<EvidencePath> =>
    evidence.json(evidencePath(scenarioId, 'seen', name), value);
  return {
    health,
    edges: seen.edges,
    called: calledServices(seen.proxies, traffic.after),
    files: {
      health: await write('health.json', health),
      sidecars: await write('sidecars.json', { problems: sidecars }),
      problems: await write('problems.json', problems),
      edges: await write('edges.json', seen.edges),
      modes: await write('modes.json', modesOf(seen.proxies)),
      identities: await write('identities.json', identitiesOf(seen.proxies)),
      before: await write('proxy-before.json.gz', traffic.before),
      after: await write('proxy-after.json.gz', traffic.after),
    },
  };
}

/** Pure: what each proxy that others call takes in. */
export function modesOf(proxies: readonly ProxyFacts[]): InboundMode[] {
  return proxies
    .filter(takesCalls)
    .map(({ pod: { service, ref }, view: { permissive } }) => ({ service, pod: ref.name, permissive }));
}

/** Pure: who each service is, and which of them cannot be told apart. */
export function identitiesOf(proxies: readonly Pick<ProxyFacts, 'pod' | 'identities'>[]): {
  services: Record<string, string[]>;
  shared: string[];
} {
  const services: Record<string, string[]> = {};
  for (const { pod, identities } of proxies)
    services[pod.service] = [...new Set([...(services[pod.service] ?? []), ...identities])].sort();
  const all = [...new Set(Object.values(services).flat())];
  const shared = all.flatMap((identity) => {
    const holders = Object.keys(services).filter((service) => services[service]?.includes(identity));
    return holders.length < 2 ? [] : [`${holders.join(' and ')} are all ${identity}`];
  });
  return { services, shared };
}

/** Pure. A service that nobody called yet counts as HTTP: then requests are missed, by name. */
export function calledServices(
  proxies: readonly ProxyFacts[],
  snapshots: readonly ProxySnapshot[],
): { service: string; protocol: 'http' | 'tcp' }[] {
  const names = new Set(proxies.filter(takesCalls).map(({ pod }) => pod.service));
  return [...names].sort().map((service) => {
    const inbound = snapshots.filter((snapshot) => snapshot.service === service).map((snapshot) => snapshot.inbound);
    const bytes = inbound.reduce((sum, { bytesSent = 0, bytesReceived = 0 }) => sum + bytesSent + bytesReceived, 0);
    const http = inbound.some(({ requestsByCode }) => Object.keys(requestsByCode).length > 0);
    return { service, protocol: !http && bytes > 0 ? 'tcp' : 'http' };
  });
}

/** Some meshes give every proxy a listener for others, also where no Service leads to it. */
function takesCalls({ pod, view }: ProxyFacts): boolean {
  return pod.called && view.lets !== undefined;
}
