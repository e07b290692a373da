import type { StreamSink } from '../reassembly.ts';
import { beginsMessage, framingOf, parseHead, type MessageHead, type MessageKind } from './framing.ts';

/** Envoy takes 60 KiB of headers by default, and Consul forwards whole certificate chains in one. */
const longestHead = 128 * 1024;
const endOfHead = Buffer.from('\r\n\r\n');
const endOfLine = Buffer.from('\r\n');

/** `line`: the length of a chunk, or of its trailers one. `lost`: until a packet begins with a message. */
type State = 'head' | 'body' | 'chunk-length' | 'chunk-end' | 'trailers' | 'until-close' | 'lost';

export interface MessageStreamOptions {
  kind: MessageKind;
  onHead: (head: MessageHead) => void;
  /** Its place in the stream was lost: messages may have been missed. */
  onLost: () => void;
  /** Of the request that a response answers. */
  methodOf?: ((head: MessageHead) => string | undefined) | undefined;
}

/** The messages of one direction of a connection. Bodies are passed over; nothing of them is kept. */
export class MessageStream implements StreamSink {
  readonly #options: MessageStreamOptions;
  #state: State = 'head';
  #kept: Buffer = Buffer.alloc(0);
  /** Of a body or chunk. */
  #left = 0;
  #inChunks = false;
  #keptSinceMs = 0;
  /** When what is being fed was captured, epoch ms. */
  nowMs = 0;

  constructor(options: MessageStreamOptions) {
    this.#options = options;
  }

  /** The connection is older than the capture: a message may be under way. */
  midStream(): void {
    this.#state = 'lost';
  }

  gap(length: number): void {
    if (this.#state === 'until-close') return;
    if (this.#state === 'body' && this.#left >= length) this.#pass(length);
    else this.#lose();
  }

  aside(): void {}

  data(buffer: Buffer, from: number, to: number): void {
    let rest = buffer.subarray(from, to);
    if (this.#state === 'lost') {
      if (!beginsMessage(this.#options.kind, rest)) return;
      this.#state = 'head';
    }
    while (rest.length > 0) rest = this.#take(rest);
  }

  /** Takes what it can, and returns the rest. */
  #take(bytes: Buffer): Buffer {
    switch (this.#state) {
      case 'head':
        return this.#upTo(endOfHead, bytes, (text) => this.#head(text));
      case 'chunk-length':
        return this.#upTo(endOfLine, bytes, (text) => this.#chunk(Number.parseInt(text, 16)));
      case 'chunk-end':
        return this.#upTo(endOfLine, bytes, () => (this.#state = 'chunk-length'));
      case 'trailers':
        return this.#upTo(endOfLine, bytes, (text) => (this.#state = text === '' ? 'head' : 'trailers'));
      case 'body': {
        const taken = Math.min(this.#left, bytes.length);
        this.#pass(taken);
        return bytes.subarray(taken);
      }
      case 'until-close':
      case 'lost':
        return Buffer.alloc(0);
    }
  }

  #pass(length: number): void {
    this.#left -= length;
    if (this.#left === 0) this.#state = this.#inChunks ? 'chunk-end' : 'head';
  }

  #chunk(length: number): void {
    if (Number.isNaN(length)) this.#lose();
    else if (length === 0) this.#state = 'trailers';
    else this.#body(length);
  }

  #body(length: number): void {
    this.#left = length;
    this.#state = 'body';
  }

  #head(text: string): void {
    const { kind, onHead, methodOf } = this.#options;
    const head = parseHead(kind, text, this.#keptSinceMs);
    if (head === undefined) return this.#lose();
    const framing = framingOf(kind, head, methodOf?.(head));
    this.#inChunks = framing === 'chunked';
    if (framing === 'chunked') this.#state = 'chunk-length';
    else if (framing === 'until-close') this.#state = 'until-close';
    else if (framing.bytes > 0) this.#body(framing.bytes);
    onHead(head);
  }

  /** Keeps bytes until the mark is there, then hands over what stands before it. */
  #upTo(mark: Buffer, bytes: Buffer, done: (text: string) => void): Buffer {
    if (this.#kept.length === 0) this.#keptSinceMs = this.nowMs;
    const all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const at = all.indexOf(mark);
    if (at >= 0) {
      this.#kept = Buffer.alloc(0);
      done(all.toString('latin1', 0, at));
      return all.subarray(at + mark.length);
    }
    // The bytes belong to a packet's buffer that is filled again.
    this.#kept = Buffer.from(all);
    if (this.#kept.length > longestHead) this.#lose();
    return Buffer.alloc(0);
  }

  #lose(): void {
    this.#kept = Buffer.alloc(0);
    this.#state = 'lost';
    this.#options.onLost();
  }
}
