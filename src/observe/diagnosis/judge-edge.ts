import type { ProxyView } from '../../meshes/proxy-view.ts';
import type { Cause } from './finding.ts';
import type { Fate } from './nat-rules.ts';

/** What is known of one call that a pod should make. */
export interface EdgeFacts {
  source: string;
  destination: string;
  /** Where the caller's connection goes: the Service's address and port. */
  target: { address: string; port: number };
  /** What the nat rules in the caller's pod make of it; undefined where they could not be read. */
  fate: Fate | undefined;
  /** Port of the proxy that connections must be turned to; undefined for a mesh without such rules. */
  proxyPort: number | undefined;
  /** The caller's own proxy. */
  caller: ProxyView;
  /** Those of the replicas that are called; empty when none can be asked. */
  callees: readonly Pick<ProxyView, 'lets' | 'permissive' | 'refused'>[];
  /** Lines of the caller's log that tell of broken connections. */
  logLines: readonly string[];
}

export interface EdgeJudgement {
  cause: Cause;
  observed: string;
  evidence: string[];
}

/** A handshake that never succeeds; a single one may be cut by a replica that ends. */
const severalTries = 3;

/** Pure: the first thing that keeps this call from getting through, or undefined when the mesh lets it pass. */
export function judgeEdge(facts: EdgeFacts): EdgeJudgement | undefined {
  const { source, destination, fate, proxyPort, caller, callees } = facts;
  const target = `${facts.target.address}:${facts.target.port}`;
  const way = caller.ways.get(destination);
  const lets = callees.find((callee) => callee.lets !== undefined)?.lets;
  const evidence = evidenceOf(facts);
  if (fate && proxyPort !== undefined && fate.redirectedTo !== proxyPort) {
    const how =
      fate.redirectedTo !== undefined
        ? `a rule turns them to port ${fate.redirectedTo}, which is not the proxy's (${proxyPort})`
        : fate.by === undefined
          ? 'no rule in the pod turns them to the proxy'
          : `a rule in the pod lets them past it (${fate.by})`;
    return {
      cause: 'past the proxy (plaintext)',
      observed: `connections to ${destination} (${target}) leave the pod past its proxy, in plaintext: ${how}`,
      evidence,
    };
  }
  const allowed = lets === undefined || lets.has(source) || lets.has('*');
  if (!allowed) {
    return {
      cause: 'policy',
      observed: `${destination} does not let ${source} in, only ${[...lets].sort().join(', ') || 'nobody'}`,
      evidence,
    };
  }
  if (!way?.addresses.includes(facts.target.address)) {
    // It passes through the proxy as it came, to an address the mesh knows nothing of.
    if (lets === undefined) return undefined;
    return {
      cause: 'past the proxy (plaintext)',
      observed: `the proxy of ${source} knows no way to ${destination} (${target}), so it passes connections on in plaintext`,
      evidence,
    };
  }
  const unseen = fate === undefined && proxyPort !== undefined && way.connections === 0;
  if (unseen && facts.logLines.length > 0 && refusedBy(callees, 'notTls') > 0) {
    return {
      cause: 'past the proxy (plaintext)',
      observed: `calls to ${destination} break, its proxies refuse what is no TLS, and the proxy of ${source} has never connected there`,
      evidence,
    };
  }
  const met = way.connections - way.connectFailures;
  const neverTls = met >= severalTries && way.handshakes === 0;
  if (neverTls && way.badCertificates === 0 && refusedBy(callees, 'notTls') > 0) {
    return {
      cause: 'plaintext by the proxy',
      observed: `the proxy of ${source} speaks plaintext to ${destination}, which takes mutual TLS only: none of ${met} connections began a TLS handshake that succeeded`,
      evidence,
    };
  }
  if (way.badCertificates > 0 || neverTls) {
    return {
      cause: 'identity',
      observed: `the proxies of ${source} and ${destination} do not accept each other's certificates: ${way.handshakes} of ${met} TLS handshakes succeeded`,
      evidence,
    };
  }
  return undefined;
}

function refusedBy(callees: EdgeFacts['callees'], what: keyof ProxyView['refused']): number {
  return callees.reduce((total, { refused }) => total + refused[what], 0);
}

function evidenceOf({ source, destination, fate, proxyPort, caller, callees, logLines }: EdgeFacts): string[] {
  const way = caller.ways.get(destination);
  const sum = (what: keyof ProxyView['refused']): number => refusedBy(callees, what);
  return [
    ...(fate?.by === undefined ? [] : [`nat rule: ${fate.by}`]),
    ...(fate === undefined && proxyPort !== undefined ? ['the nat rules of the pod could not be read'] : []),
    `proxy of ${source}: ${way ? `${way.connections} connections to ${destination}, ${way.connectFailures} of them nobody took, ${way.handshakes} TLS handshakes, ${way.badCertificates} wrong certificates` : `no way to ${destination}`}`,
    ...(callees.length === 0
      ? [`no proxy of ${destination} could be asked`]
      : [
          `proxies of ${destination}: ${sum('notTls')} connections refused that were no proper TLS, ${sum('noCertificate')} without a certificate, ${sum('badCertificate')} with a wrong one, ${sum('denied')} calls denied by policy`,
        ]),
    ...logLines.map((line) => `log of ${source}: ${line}`),
  ];
}
