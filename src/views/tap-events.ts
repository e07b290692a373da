import { milliseconds } from '../base/words.ts';
import type { ForwardedHeader } from '../meshes/adapter.ts';
import { forwardedClientCert } from '../meshes/envoy/forwarded-header.ts';
import type { HttpExchange } from '../observe/capture/http1/conversation.ts';
import { redact } from '../evidence/redaction.ts';
import { none } from './cells.ts';
import type { SeenPod } from './seen-pods.ts';

/** One request to a service, as it passed between a sidecar and its app. */
export interface TapEvent {
  /** `pod/number`, in the order in which they were seen. */
  id: string;
  /** ISO 8601. */
  at: string;
  /** The service that called, where its identity tells; else the identity, or in parentheses the program that it calls itself. */
  source: string;
  /** That the caller proved to the sidecar; null: the sidecar told of none. */
  identity: string | null;
  destination: string;
  pod: string;
  method: string;
  /** With its query; what looks like a secret is hidden. */
  path: string;
  /** Null: the connection ended without an answer, as after a caller's timeout. */
  status: number | null;
  /** Until the first byte of the answer. */
  latencyMs: number;
  /** The caller proved an identity, so it came by mutual TLS. */
  tls: boolean;
}

/** Pure: turns what passed at a pod into events. @param services by identity */
export function tapEvents(
  { ref, service }: SeenPod,
  services: ReadonlyMap<string, string>,
  header: ForwardedHeader = forwardedClientCert,
): (exchange: HttpExchange) => TapEvent {
  let seen = 0;
  return ({ atMs, method, path, headers, status, latencyMs }) => {
    const identity = header.read(headers.get(header.name) ?? '')?.uri || undefined;
    const program = headers.get('user-agent')?.split(' ')[0];
    return {
      id: `${ref.name}/${++seen}`,
      at: new Date(atMs).toISOString(),
      source: identity === undefined ? `(${program ?? 'unknown'})` : (services.get(identity) ?? identity),
      identity: identity ?? null,
      destination: service,
      pod: ref.name,
      method,
      path: redact(path),
      status: status ?? null,
      latencyMs: Math.round(latencyMs * 100) / 100,
      tls: identity !== undefined,
    };
  };
}

/** As `key=value`, one line: a stream has no columns to align. */
export function tapLine({ at, source, destination, pod, method, path, status, latencyMs, tls }: TapEvent): string {
  return [
    at.slice(11, 23),
    `${source} -> ${destination}`,
    `${method} ${path}`,
    `status=${status ?? none}`,
    `latency=${milliseconds(latencyMs).replace(' ', '')}`,
    `tls=${tls ? 'yes' : 'no'}`,
    `pod=${pod}`,
  ].join('  ');
}
