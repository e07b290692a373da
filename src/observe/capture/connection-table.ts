import type { PlantedTokenSet } from './planted-token-scanner.ts';
import { Connection } from './connection.ts';
import type { KeyLog } from './key-log.ts';
import { reassemblyBudget, type ReassemblyBudget } from './reassembly.ts';
import { tcpFlags, type Segment } from './tcp-segment.ts';

/** Beyond these many the oldest are closed in the books: late packets of theirs then count as unclassified. */
const maxConnections = 16_384;

export interface TableOptions {
  plantedTokens: PlantedTokenSet;
  /** With these the encrypted part of TLS 1.3 handshakes is read. */
  keys?: KeyLog | undefined;
}

/** The connections between one pair of addresses, by ports. */
export class ConnectionTable {
  readonly #connections = new Map<number, Connection>();
  readonly #options: TableOptions;
  readonly #budget: ReassemblyBudget;
  readonly #onDone: (connection: Connection) => void;

  /** @param onDone gets each connection once, when nothing more can come of it. */
  constructor(options: TableOptions, onDone: (connection: Connection) => void, budget = reassemblyBudget()) {
    this.#options = options;
    this.#onDone = onDone;
    this.#budget = budget;
  }

  /** @param fromFirst whether the sender is the first of the pair. @param atMs when it was captured, epoch ms. */
  segment(segment: Segment, fromFirst: boolean, buffer: Buffer, atMs: number): void {
    const { flags, sequence, payloadStart, payloadEnd, missing } = segment;
    const firstPort = fromFirst ? segment.sourcePort : segment.destinationPort;
    const secondPort = fromFirst ? segment.destinationPort : segment.sourcePort;
    const key = firstPort * 65_536 + secondPort;
    const connection = this.#find(key, segment, fromFirst);
    if (connection === undefined) return;
    connection.lastPacketAtMs = atMs;
    const direction = connection.from(fromFirst);
    const dataAt = flags & tcpFlags.syn ? (sequence + 1) | 0 : sequence | 0;
    if (payloadEnd - payloadStart + missing > 0) {
      direction.stream.segment(dataAt, buffer, payloadStart, payloadEnd, missing);
    }
    if (flags & tcpFlags.ack) connection.from(!fromFirst).stream.acknowledged(segment.acknowledgement);
    if (flags & tcpFlags.fin) direction.stream.fin((dataAt + payloadEnd - payloadStart + missing) | 0);
    if (flags & tcpFlags.rst || (connection.client.stream.finished && connection.server.stream.finished))
      connection.closed = true;
  }

  finish(): void {
    for (const key of [...this.#connections.keys()]) this.#retire(key);
  }

  #find(key: number, segment: Segment, fromFirst: boolean): Connection | undefined {
    const known = this.#connections.get(key);
    if (segment.flags & tcpFlags.syn) return this.#synchronize(key, segment, fromFirst, known);
    if (known !== undefined) return known;
    if (segment.payloadEnd - segment.payloadStart + segment.missing === 0) return undefined;
    // No SYN seen: the lower port is taken for the server's.
    const senderIsClient = segment.sourcePort > segment.destinationPort;
    return this.#open(key, segment, fromFirst === senderIsClient, senderIsClient);
  }

  #synchronize(key: number, segment: Segment, fromFirst: boolean, known: Connection | undefined): Connection {
    const { flags, sequence, acknowledgement } = segment;
    const answer = (flags & tcpFlags.ack) !== 0;
    const stream = known?.from(fromFirst).stream;
    const sameStart = stream?.initialSequence === sequence;
    if (known !== undefined && sameStart) return known;
    // The answer to a SYN that was seen, or a SYN of a connection whose answer is not known yet.
    if (known !== undefined && answer && !known.closed && stream?.known === false) {
      stream.start(sequence);
      return known;
    }
    // Anything else is a new connection on old ports.
    if (known !== undefined) this.#retire(key);
    const connection = this.#open(key, segment, fromFirst === !answer, !answer);
    connection.from(fromFirst).stream.start(sequence);
    if (answer) connection.from(!fromFirst).stream.start((acknowledgement - 1) | 0);
    return connection;
  }

  #open(key: number, segment: Segment, clientIsFirst: boolean, senderIsClient: boolean): Connection {
    const connection = new Connection({
      clientIsFirst,
      serverPort: senderIsClient ? segment.destinationPort : segment.sourcePort,
      ...this.#options,
      budget: this.#budget,
    });
    if (this.#connections.size >= maxConnections) this.#retire(this.#oldest());
    this.#connections.set(key, connection);
    return connection;
  }

  /** The oldest closed connection among the first few, else the oldest. */
  #oldest(): number {
    let oldest: number | undefined;
    let looked = 0;
    for (const [key, connection] of this.#connections) {
      oldest ??= key;
      if (connection.closed) return key;
      if (++looked >= 64) break;
    }
    return oldest ?? 0;
  }

  #retire(key: number): void {
    const connection = this.#connections.get(key);
    if (connection === undefined) return;
    this.#connections.delete(key);
    connection.finish();
    this.#onDone(connection);
  }
}
