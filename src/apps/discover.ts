import type { KubeObject } from '../kube/types.ts';
import type { SeenEdge } from './seen-edges.ts';
import { containersOf, factsOf, workloadBehind, type ServiceFacts } from './service-facts.ts';
import { draftText, type DraftCall, type DraftService } from './draft.ts';

export interface DiscoverOptions {
  namespace: string;
  /** Services and workloads of the namespace. */
  objects: readonly KubeObject[];
  /** What proxies counted; undefined: there are none. */
  seen?: readonly SeenEdge[] | undefined;
}

/**
 * A draft of the app file for what runs in a namespace: facts as they are, and what can only be guessed as a comment that says
 * from what. It fits the schema, but its author has to look at the calls.
 */
export function discoverApp({ namespace, objects, seen }: DiscoverOptions): string {
  const candidates = objects
    .filter((object) => object.kind === 'Service' && !isOurs(object))
    .flatMap(({ metadata: { name } }) => {
      const facts = factsOf(name, objects);
      const workload = facts && workloadBehind(facts.selector, objects);
      return facts === undefined || workload === undefined ? [] : [{ name, facts, workload }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = candidates.map(({ name }) => name);
  const services = candidates.map(({ name, facts, workload }): DraftService => {
    const protocol = facts.protocol ?? protocolByPort(facts.port);
    return {
      name,
      facts,
      protocol,
      protocolGuessed: facts.protocol === undefined,
      call: protocol === 'http' ? callOf(workload, facts) : undefined,
      calls: names
        .map((other) => seen?.find(({ source, destination }) => source === name && destination === other))
        .flatMap((edge) => (edge !== undefined && (edge.requests > 0 || edge.bytes > 0) ? [edge] : [])),
      guesses: mentions(
        workload,
        names.filter((other) => other !== name),
        namespace,
      ),
    };
  });
  return draftText(namespace, services, seen !== undefined);
}

/** Load and probe pods that meshproof itself put there. */
function isOurs({ metadata }: KubeObject): boolean {
  return metadata.labels?.['app.kubernetes.io/managed-by'] === 'meshproof';
}

/** What usually listens there; everything else is taken for a connection of bytes. */
function protocolByPort(port: number): 'http' | 'tcp' {
  return [80, 443, 3000, 5000, 8000, 8080, 8081, 8888, 9898].includes(port) ? 'http' : 'tcp';
}

interface Probed {
  httpGet?: { path?: string };
  exec?: { command?: string[] };
}

/** A request from a probe of its own: the path that is asked, or that a command asks on the pod's loopback. */
function callOf(workload: KubeObject, facts: ServiceFacts): DraftCall {
  const container = containersOf(workload).find(({ name }) => name === facts.container) as
    (Record<'readinessProbe' | 'startupProbe' | 'livenessProbe', Probed | undefined> & { name: string }) | undefined;
  for (const kind of ['readinessProbe', 'startupProbe', 'livenessProbe'] as const) {
    const probe = container?.[kind];
    const asked = /https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?(\/[^\s'"|;]*)/.exec(
      (probe?.exec?.command ?? []).join(' '),
    );
    const path = probe?.httpGet?.path ?? asked?.[1];
    if (path !== undefined) return { path: path.startsWith('/') ? path : `/${path}`, from: kind };
  }
  return { path: '/', from: undefined };
}

/** Services that its environment or arguments name as a host, and where. */
function mentions(
  workload: KubeObject,
  names: readonly string[],
  namespace: string,
): { destination: string; where: string }[] {
  const texts = containersOf(workload).flatMap(({ env = [], args = [], command = [] }) => [
    ...env.flatMap(({ name, value }) => (value === undefined ? [] : [{ where: name, text: value }])),
    ...[...command, ...args].map((text) => ({
      where: text.split('=', 1)[0] ?? text,
      text: text.replace(/^--?[\w-]+=/, ''),
    })),
  ]);
  return names.flatMap((destination) => {
    const host = new RegExp(`(^|//|@|,|\\s)${destination}(\\.${namespace}(\\.svc[\\w.]*)?)?(?=$|[:/,\\s])`);
    const found = texts.find(({ text }) => host.test(text));
    return found === undefined ? [] : [{ destination, where: found.where }];
  });
}
