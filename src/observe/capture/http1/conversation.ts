import { Reassembly, type ReassemblyBudget } from '../reassembly.ts';
import { tcpFlags, type Segment } from '../tcp-segment.ts';
import { statusOf, type MessageHead } from './framing.ts';
import { MessageStream } from './message-stream.ts';

/** A request with what became of it. */
export interface HttpExchange {
  /** When its first byte was sent, epoch ms. */
  atMs: number;
  method: string;
  /** With its query. */
  path: string;
  headers: ReadonlyMap<string, string>;
  /** Undefined: the connection ended without an answer, as after a caller's timeout. */
  status: number | undefined;
  /** Until the first byte of the answer, or the end of the connection. */
  latencyMs: number;
}

/** One connection of HTTP/1: requests with their answers, in the order in which these come. */
export class HttpConversation {
  readonly #asked: MessageHead[] = [];
  readonly #requests: MessageStream;
  readonly #answers: MessageStream;
  readonly #streams: { client: Reassembly; server: Reassembly };
  readonly #onExchange: (exchange: HttpExchange) => void;
  /** Requests and answers that could be read. */
  messages = 0;
  ended = false;

  constructor(budget: ReassemblyBudget, onExchange: (exchange: HttpExchange) => void) {
    this.#onExchange = onExchange;
    // Nobody knows how many requests passed unseen: answers to those before it are no longer told apart.
    const onLost = (): void => void this.#asked.splice(0);
    this.#requests = new MessageStream({
      kind: 'request',
      onLost,
      onHead: (head) => {
        this.messages++;
        this.#asked.push(head);
      },
    });
    this.#answers = new MessageStream({
      kind: 'response',
      onLost,
      methodOf: () => methodOf(this.#asked[0]),
      onHead: (head) => this.#answered(head),
    });
    this.#streams = { client: new Reassembly(this.#requests, budget), server: new Reassembly(this.#answers, budget) };
  }

  segment(segment: Segment, fromClient: boolean, buffer: Buffer, atMs: number): void {
    const { flags, sequence, payloadStart, payloadEnd, missing } = segment;
    const stream = fromClient ? this.#streams.client : this.#streams.server;
    this.#requests.nowMs = this.#answers.nowMs = atMs;
    if (flags & tcpFlags.syn) stream.start(sequence);
    else if (payloadEnd > payloadStart || missing > 0)
      stream.segment(sequence, buffer, payloadStart, payloadEnd, missing);
    if (flags & tcpFlags.fin) stream.fin(sequence);
    const { client, server } = this.#streams;
    this.ended = (flags & tcpFlags.rst) !== 0 || (client.finished && server.finished);
    if (this.ended) for (const each of [client, server]) each.finish();
    // Who has nothing more to ask may still wait for an answer (busybox' nc does).
    if (this.ended || server.finished) this.#unanswered(atMs);
  }

  #answered(head: MessageHead): void {
    this.messages++;
    const status = statusOf(head.startLine);
    // 100 and 103 come before the answer.
    if (status < 200 && status !== 101) return;
    const asked = this.#asked.shift();
    if (asked !== undefined) this.#tell(asked, status, head.atMs);
  }

  #unanswered(atMs: number): void {
    for (const asked of this.#asked.splice(0)) this.#tell(asked, undefined, atMs);
  }

  #tell(asked: MessageHead, status: number | undefined, atMs: number): void {
    const [method = '', path = ''] = asked.startLine.split(' ');
    const latencyMs = Math.max(0, atMs - asked.atMs);
    this.#onExchange({ atMs: asked.atMs, method, path, headers: asked.headers, status, latencyMs });
  }
}

function methodOf(asked: MessageHead | undefined): string | undefined {
  return asked?.startLine.split(' ')[0];
}
