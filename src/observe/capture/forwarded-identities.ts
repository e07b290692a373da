import type { ForwardedHeader } from '../../meshes/adapter.ts';
import { ipOffset } from './link-layer.ts';
import { readPcap, type PcapSource } from './pcap-reader.ts';
import { decodeIp, emptySegment } from './tcp-segment.ts';

/** What a sidecar tells its app of a caller, and how often. */
export interface ForwardedIdentity {
  /** Identity that the caller asked for: the server's own. Left out where the header does not say it. */
  by?: string | undefined;
  /** Identity that the caller showed. */
  uri: string;
  requests: number;
}

/**
 * Reads HTTP/1 requests on their way from a sidecar to its app, from a capture of the pod's loopback. Headers that are cut between
 * packets are passed over.
 *
 * @param port the app's
 * @param header the one that the mesh's sidecars add
 * @throws as readPcap
 */
export async function forwardedIdentities(
  source: PcapSource,
  port: number,
  header: ForwardedHeader,
): Promise<ForwardedIdentity[]> {
  const pattern = new RegExp(`\\r\\n${header.name}: ([^\\r\\n]{1,4096})(?=\\r\\n)`, 'gi');
  const found: ForwardedIdentity[] = [];
  const segment = emptySegment();
  await readPcap(source, {
    onPacket: ({ buffer, start, end, linkType, wireLength }) => {
      const at = ipOffset(linkType, buffer, start, end);
      if (at < 0 || decodeIp(buffer, at, end, start + wireLength, segment) !== 'tcp') return;
      if (segment.destinationPort !== port) return;
      const text = buffer.toString('latin1', segment.payloadStart, segment.payloadEnd);
      for (const [, value = ''] of text.matchAll(pattern)) {
        const told = header.read(value);
        if (told !== undefined) found.push({ ...told, requests: 1 });
      }
    },
  });
  return mergeForwarded(found);
}

/** Of several replicas: each pair once, the most frequent first. */
export function mergeForwarded(all: readonly ForwardedIdentity[]): ForwardedIdentity[] {
  const found = new Map<string, ForwardedIdentity>();
  for (const one of all) {
    const key = `${one.by ?? ''} ${one.uri}`;
    found.set(key, { ...one, requests: one.requests + (found.get(key)?.requests ?? 0) });
  }
  return [...found.values()].sort((a, b) => b.requests - a.requests);
}
