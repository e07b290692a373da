import { ipOffset } from '../link-layer.ts';
import type { PcapPacket } from '../pcap-reader.ts';
import { reassemblyBudget } from '../reassembly.ts';
import { decodeIp, emptySegment, tcpFlags, type Segment } from '../tcp-segment.ts';
import { HttpConversation, type HttpExchange } from './conversation.ts';

/** Beyond these many the oldest are given up: a sidecar keeps a few dozen connections to its app. */
const maxConnections = 4096;
/** A connection that sent this many packets with payload and no message of HTTP/1 speaks something else. */
const packetsOfSilence = 8;

/** The HTTP/1 requests that pass a port, from the packets of its pod. */
export class HttpExchanges {
  readonly #port: number;
  readonly #onExchange: (exchange: HttpExchange) => void;
  readonly #connections = new Map<string, { conversation: HttpConversation; packets: number }>();
  // On a loopback nothing is out of order: what is missing was dropped, and is not waited for for long.
  readonly #budget = reassemblyBudget(4 * 1024 * 1024, 64 * 1024);
  readonly #segment = emptySegment();

  /** @param port the server's */
  constructor(port: number, onExchange: (exchange: HttpExchange) => void) {
    this.#port = port;
    this.#onExchange = onExchange;
  }

  packet({ buffer, start, end, linkType, wireLength, seconds, nanoseconds }: PcapPacket): void {
    const segment = this.#segment;
    const at = ipOffset(linkType, buffer, start, end);
    if (at < 0 || decodeIp(buffer, at, end, start + wireLength, segment) !== 'tcp') return;
    const toServer = segment.destinationPort === this.#port;
    if (!toServer && segment.sourcePort !== this.#port) return;
    const key = keyOf(segment, toServer, buffer);
    if (segment.flags & tcpFlags.syn && toServer) this.#connections.delete(key);
    const hasPayload = segment.payloadEnd - segment.payloadStart + segment.missing > 0;
    let known = this.#connections.get(key);
    if (known === undefined) {
      // What trails behind the end of a connection is no new one.
      if (!hasPayload && !(segment.flags & tcpFlags.syn)) return;
      known = { conversation: new HttpConversation(this.#budget, this.#onExchange), packets: 0 };
      const [oldest] = this.#connections.keys();
      if (this.#connections.size >= maxConnections && oldest !== undefined) this.#connections.delete(oldest);
      this.#connections.set(key, known);
    }
    if (hasPayload) known.packets++;
    known.conversation.segment(segment, toServer, buffer, seconds * 1000 + nanoseconds / 1e6);
    if (known.conversation.ended) this.#connections.delete(key);
  }

  /** Connections that talk, but not in HTTP/1. */
  get foreign(): number {
    return [...this.#connections.values()].filter(
      ({ conversation, packets }) => conversation.messages === 0 && packets >= packetsOfSilence,
    ).length;
  }
}

/** The two ends, the server's first. */
function keyOf(segment: Segment, toServer: boolean, buffer: Buffer): string {
  const length = segment.version === 4 ? 4 : 16;
  const end = (at: number, port: number): string => `${buffer.toString('hex', at, at + length)}.${port}`;
  const source = end(segment.sourceAt, segment.sourcePort);
  const destination = end(segment.destinationAt, segment.destinationPort);
  return toServer ? `${destination} ${source}` : `${source} ${destination}`;
}
