import { ipOffset } from './link-layer.ts';
import { readPcap, type PcapSource } from './pcap-reader.ts';
import { decodeIp, emptySegment } from './tcp-segment.ts';

/** What a sidecar tells its app of a caller (Envoy's header `x-forwarded-client-cert`), and how often. */
export interface ForwardedIdentity {
  /** Identity that the caller asked for: the server's own. */
  by: string;
  /** Identity that the caller showed. */
  uri: string;
  requests: number;
}

const header = /x-forwarded-client-cert: ([^\r\n]{1,4096})\r\n/gi;

/**
 * Reads HTTP/1 requests on their way from a sidecar to its app, from a capture of the pod's loopback. Of a header that went
 * through several hands the last part is the sidecar's own. Headers that are cut between packets are passed over.
 *
 * @param port the app's
 * @throws as readPcap
 */
export async function forwardedIdentities(source: PcapSource, port: number): Promise<ForwardedIdentity[]> {
  const found: ForwardedIdentity[] = [];
  const segment = emptySegment();
  await readPcap(source, {
    onPacket: ({ buffer, start, end, linkType, wireLength }) => {
      const at = ipOffset(linkType, buffer, start, end);
      if (at < 0 || decodeIp(buffer, at, end, start + wireLength, segment) !== 'tcp') return;
      if (segment.destinationPort !== port) return;
      const text = buffer.toString('latin1', segment.payloadStart, segment.payloadEnd);
      for (const [, value = ''] of text.matchAll(header)) found.push({ ...forwardedIdentity(value), requests: 1 });
    },
  });
  return mergeForwarded(found);
}

/**
 * Who is at the ends, by the value of a header `x-forwarded-client-cert`: of its elements the last, which is the sidecar's own
 * (Envoy, HTTP connection manager, x-forwarded-client-cert). Empty where it names nobody.
 */
export function forwardedIdentity(value: string): Pick<ForwardedIdentity, 'by' | 'uri'> {
  // A certificate's subject is quoted, and may hold commas.
  const own = value.match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g)?.at(-1) ?? '';
  const field = (name: string): string => new RegExp(`(?:^|;)${name}="?([^;"]*)`).exec(own)?.[1] ?? '';
  return { by: field('By'), uri: field('URI') };
}

/** Of several replicas: each pair once, the most frequent first. */
export function mergeForwarded(all: readonly ForwardedIdentity[]): ForwardedIdentity[] {
  const found = new Map<string, ForwardedIdentity>();
  for (const { by, uri, requests } of all) {
    const known = found.get(`${by} ${uri}`)?.requests ?? 0;
    found.set(`${by} ${uri}`, { by, uri, requests: known + requests });
  }
  return [...found.values()].sort((a, b) => b.requests - a.requests);
}
