import { PlantedTokenScanner, type PlantedTokenSet } from './planted-token-scanner.ts';
import { noFacts, type Role } from './handshake-facts.ts';
import type { KeyLog } from './key-log.ts';
import { Reassembly, type ReassemblyBudget, type StreamSink } from './reassembly.ts';
import { StreamClassifier, type SharedState } from './stream-classifier.ts';

/** One direction: reassembly feeding the planted token search and the classification. */
export class Direction implements StreamSink {
  readonly stream: Reassembly;
  readonly classifier: StreamClassifier;
  midStreamStart = false;
  readonly #scanner: PlantedTokenScanner;

  constructor(
    role: Role,
    shared: SharedState,
    plantedTokens: PlantedTokenSet,
    found: Set<string>,
    budget: ReassemblyBudget,
  ) {
    this.stream = new Reassembly(this, budget);
    this.classifier = new StreamClassifier(role, shared);
    this.#scanner = new PlantedTokenScanner(plantedTokens, found);
  }

  midStream(): void {
    this.midStreamStart = true;
    this.classifier.startMidStream();
  }

  data(buffer: Buffer, from: number, to: number): void {
    this.#scanner.data(buffer, from, to);
    this.classifier.data(buffer, from, to);
  }

  gap(length: number): void {
    this.#scanner.gap();
    this.classifier.gap(length);
  }

  aside(buffer: Buffer, from: number, to: number, counted: number): void {
    this.#scanner.aside(buffer, from, to);
    if (counted > 0) this.classifier.aside(counted);
  }

  finish(): void {
    this.stream.finish();
    this.classifier.finish(this.stream.finished);
  }
}

/** One TCP connection; `first` and `second` are the ends as the address pair orders them. */
export class Connection {
  readonly clientIsFirst: boolean;
  readonly serverPort: number;
  readonly client: Direction;
  readonly server: Direction;
  readonly shared: SharedState;
  readonly plantedTokensSeen = new Set<string>();
  closed = false;
  /** Time of its newest packet, epoch ms. */
  lastPacketAtMs = 0;

  constructor(options: {
    clientIsFirst: boolean;
    serverPort: number;
    plantedTokens: PlantedTokenSet;
    budget: ReassemblyBudget;
    keys?: KeyLog | undefined;
  }) {
    const { plantedTokens, budget, keys } = options;
    this.shared = { facts: noFacts(), encryptionRequests: 0, keys };
    this.clientIsFirst = options.clientIsFirst;
    this.serverPort = options.serverPort;
    this.client = new Direction('client', this.shared, plantedTokens, this.plantedTokensSeen, budget);
    this.server = new Direction('server', this.shared, plantedTokens, this.plantedTokensSeen, budget);
  }

  from(first: boolean): Direction {
    return first === this.clientIsFirst ? this.client : this.server;
  }

  finish(): void {
    this.client.finish();
    this.server.finish();
  }
}
