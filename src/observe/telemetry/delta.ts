import { deltaHistogram, emptyHistogram } from './histogram.ts';
import type { OutboundCounters, ProxySnapshot, Saturation, TrafficCounters } from './snapshot.ts';

/** What one proxy counted between two snapshots. Endpoints and saturation are gauges: the later look, overflow apart. */
export interface ProxyDelta {
  pod: string;
  podUid: string;
  service: string;
  /** Between the two snapshots, by the clock of whoever took them. */
  seconds: number;
  inbound: TrafficDelta;
  outbound: (OutboundCounters & TrafficDelta)[];
  saturation: Saturation;
}

export interface TrafficDelta extends TrafficCounters {
  /** TLS handshakes were counted since the proxy started: what the proxy says, the wire proof is elsewhere. */
  tls: boolean;
  /** HTTP codes are known to this proxy, now or earlier; else it is TCP, or nobody ever called. */
  http: boolean;
}

export type DeltaResult = { delta: ProxyDelta; reason?: undefined } | { delta: undefined; reason: string };

/** Envoy tells its uptime in whole seconds, refreshed at each stats flush: the start time computed from it jitters. */
export const startJitterMs = 5000;

/** Difference of two snapshots of one proxy; without a delta there is a reason (restart, another pod, wrong order). */
export function snapshotDelta(before: ProxySnapshot, after: ProxySnapshot): DeltaResult {
  const none = (reason: string): DeltaResult => ({
    delta: undefined,
    reason: `${after.service}/${after.pod}: ${reason}`,
  });
  if (before.podUid !== after.podUid) return none(`another pod than before (${before.pod})`);
  const seconds = (after.takenAt - before.takenAt) / 1000;
  if (seconds <= 0) return none('the later snapshot is not later');
  if (Math.abs(after.startedAt - before.startedAt) > startJitterMs) {
    return none(
      `the proxy restarted between the snapshots (started ${iso(before.startedAt)}, then ${iso(after.startedAt)})`,
    );
  }
  const shrunk: string[] = [];
  const inbound = trafficDelta(before.inbound, after.inbound, 'inbound', shrunk);
  const outbound = after.outbound.map((now) => outboundDelta(before.outbound.find(same(now)), now, shrunk));
  for (const old of before.outbound) {
    if (old.attempts > 0 && !after.outbound.some(same(old))) shrunk.push(`${old.destination} is no longer counted`);
  }
  const pendingOverflow = after.saturation.pendingOverflow - before.saturation.pendingOverflow;
  if (pendingOverflow < 0) shrunk.push('pending overflow went back');
  if (shrunk.length > 0)
    return none(`counters went back, the proxy or its clusters were replaced: ${shrunk.join(', ')}`);
  const saturation = { ...after.saturation, pendingOverflow };
  return {
    delta: { pod: after.pod, podUid: after.podUid, service: after.service, seconds, inbound, outbound, saturation },
  };
}

/** Deltas of all proxies, pod by pod; a pod that is missing on either side, or restarted, is a problem, never a zero. */
export function snapshotDeltas(
  before: readonly ProxySnapshot[],
  after: readonly ProxySnapshot[],
): { deltas: ProxyDelta[]; problems: string[] } {
  const deltas: ProxyDelta[] = [];
  const problems: string[] = [];
  for (const old of before) {
    const now = after.find(({ podUid }) => podUid === old.podUid);
    if (!now) {
      problems.push(`${old.service}/${old.pod}: no metrics at the end`);
      continue;
    }
    const { delta, reason } = snapshotDelta(old, now);
    if (delta) deltas.push(delta);
    else problems.push(reason);
  }
  for (const now of after) {
    if (!before.some(({ podUid }) => podUid === now.podUid))
      problems.push(`${now.service}/${now.pod}: no metrics at the start`);
  }
  return { deltas, problems };
}

const same = (a: { destination: string }) => (b: { destination: string }) => a.destination === b.destination;

function trafficDelta(
  before: TrafficCounters | undefined,
  after: TrafficCounters,
  what: string,
  shrunk: string[],
): TrafficDelta {
  const subtract = subtractor(what, shrunk);
  const latency = deltaHistogram(before?.latency ?? emptyHistogram(after.latency.exact), after.latency);
  if (!latency) shrunk.push(`${what} latency`);
  const codes = [...new Set([...Object.keys(before?.requestsByCode ?? {}), ...Object.keys(after.requestsByCode)])];
  return {
    requestsByCode: Object.fromEntries(
      codes.map((code) => [
        code,
        subtract(`code ${code}`, before?.requestsByCode[code], after.requestsByCode[code] ?? 0),
      ]),
    ),
    latency: latency ?? emptyHistogram(),
    connections: subtract('connections', before?.connections, after.connections),
    tlsHandshakes: subtract('TLS handshakes', before?.tlsHandshakes, after.tlsHandshakes),
    ...(after.bytesSent === undefined ? {} : { bytesSent: subtract('bytes sent', before?.bytesSent, after.bytesSent) }),
    ...(after.bytesReceived === undefined
      ? {}
      : { bytesReceived: subtract('bytes received', before?.bytesReceived, after.bytesReceived) }),
    tls: after.tlsHandshakes > 0,
    http: codes.length > 0,
  };
}

function outboundDelta(
  before: OutboundCounters | undefined,
  after: OutboundCounters,
  shrunk: string[],
): OutboundCounters & TrafficDelta {
  const what = `to ${after.destination}`;
  const subtract = subtractor(what, shrunk);
  return {
    ...trafficDelta(before, after, what, shrunk),
    destination: after.destination,
    attempts: subtract('attempts', before?.attempts, after.attempts),
    retries: subtract('retries', before?.retries, after.retries),
    retrySuccesses: subtract('retry successes', before?.retrySuccesses, after.retrySuccesses),
    retriesExhausted: subtract('exhausted retries', before?.retriesExhausted, after.retriesExhausted),
    retryOverflow: subtract('retry overflow', before?.retryOverflow, after.retryOverflow),
    timeouts: subtract('timeouts', before?.timeouts, after.timeouts),
    bytesSent: subtract('bytes sent', before?.bytesSent, after.bytesSent),
    bytesReceived: subtract('bytes received', before?.bytesReceived, after.bytesReceived),
    healthyEndpoints: after.healthyEndpoints,
    endpoints: after.endpoints,
  };
}

function subtractor(
  what: string,
  shrunk: string[],
): (name: string, before: number | undefined, after: number) => number {
  return (name, before = 0, after) => {
    if (after < before) shrunk.push(`${what} ${name}`);
    return after - before;
  };
}

const iso = (time: number): string => new Date(time).toISOString();
