/** Receives one direction of a TCP stream in order. Buffers are valid only during the call. */
export interface StreamSink {
  /** The stream's start was not captured. */
  midStream(): void;
  data(buffer: Buffer, from: number, to: number): void;
  /** Bytes that were sent and not captured. */
  gap(length: number): void;
  /** Bytes outside the stream (repeated or far away): to be searched, not to be parsed. `counted` ones are new. */
  aside(buffer: Buffer, from: number, to: number, counted: number): void;
}

/** Memory shared by all directions that wait for a missing segment. */
export interface ReassemblyBudget {
  usedBytes: number;
  readonly limitBytes: number;
  readonly perStreamBytes: number;
}

/** 4 MiB is above what Linux lets one connection have in flight by default with room to spare; 24 MiB keeps the whole small. */
export function reassemblyBudget(limitBytes = 24 * 1024 * 1024, perStreamBytes = 4 * 1024 * 1024): ReassemblyBudget {
  return { usedBytes: 0, limitBytes, perStreamBytes };
}

interface Piece {
  sequence: number;
  data: Buffer;
  missing: number;
}

/** Farther from the expected byte than the largest TCP window (RFC 7323: 1 GiB) cannot be part of the stream. */
const farAway = 2 ** 30;
/** What a waiting piece costs beside its bytes; keeps a flood of tiny segments within the budget. */
const pieceOverhead = 128;

/** Puts one direction of a connection in order: repeats, overlaps, reordering, gaps, sequence wrap. */
export class Reassembly {
  #known = false;
  #next = 0;
  #pieces: Piece[] = [];
  #waitingBytes = 0;
  #finAt: number | undefined;
  #acknowledged: number | undefined;
  /** Sequence number of the SYN, where it was seen. */
  initialSequence: number | undefined;
  readonly #sink: StreamSink;
  readonly #budget: ReassemblyBudget;

  constructor(sink: StreamSink, budget: ReassemblyBudget) {
    this.#sink = sink;
    this.#budget = budget;
  }

  get known(): boolean {
    return this.#known;
  }

  /** SYN with this sequence number: the stream's first byte is the next one. */
  start(sequence: number): void {
    this.#known = true;
    this.initialSequence = sequence;
    this.#next = (sequence + 1) | 0;
  }

  segment(sequence: number, buffer: Buffer, from: number, to: number, missing: number): void {
    if (to - from + missing === 0) return;
    if (!this.#known) {
      this.#known = true;
      this.#next = sequence | 0;
      this.#sink.midStream();
    }
    const ahead = (sequence - this.#next) | 0;
    if (ahead <= 0 && ahead > -farAway) {
      this.#deliver(-ahead, buffer, from, to, missing);
      this.#drain();
    } else if (ahead > 0 && ahead < farAway) this.#keep(sequence, buffer, from, to, missing);
    else this.#sink.aside(buffer, from, to, to - from + missing);
  }

  fin(sequence: number): void {
    this.#finAt ??= sequence;
  }

  get finished(): boolean {
    return this.#finAt !== undefined;
  }

  /** The other side has these bytes, so they were on the wire. */
  acknowledged(sequence: number): void {
    if (this.#acknowledged === undefined || ((sequence - this.#acknowledged) | 0) > 0) this.#acknowledged = sequence;
  }

  /** No more packets: whatever is still missing is a gap. */
  finish(): void {
    while (this.#pieces.length > 0) this.#skipGap();
    if (!this.#known) return;
    const end = this.#finAt ?? this.#acknowledged;
    if (end === undefined) return;
    const lost = (end - this.#next) | 0;
    if (lost > 0 && lost < farAway) {
      this.#next = end | 0;
      this.#sink.gap(lost);
    }
  }

  #deliver(repeated: number, buffer: Buffer, from: number, to: number, missing: number): void {
    const captured = to - from;
    const known = Math.min(repeated, captured);
    if (known > 0) this.#sink.aside(buffer, from, from + known, 0);
    const fresh = captured + missing - repeated;
    if (fresh <= 0) return;
    this.#next = (this.#next + fresh) | 0;
    if (captured > known) this.#sink.data(buffer, from + known, to);
    const lost = fresh - (captured - known);
    if (lost > 0) this.#sink.gap(lost);
  }

  #keep(sequence: number, buffer: Buffer, from: number, to: number, missing: number): void {
    const pieces = this.#pieces;
    let index = pieces.length;
    while (index > 0 && ((pieces[index - 1]!.sequence - sequence) | 0) > 0) index--;
    const before = pieces[index - 1];
    if (before?.sequence === sequence && before.missing <= missing && before.data.length >= to - from) {
      this.#sink.aside(buffer, from, to, 0);
      return;
    }
    pieces.splice(index, 0, { sequence, data: Buffer.from(buffer.subarray(from, to)), missing });
    this.#waitingBytes += to - from + pieceOverhead;
    this.#budget.usedBytes += to - from + pieceOverhead;
    while (
      this.#pieces.length > 0 &&
      (this.#waitingBytes > this.#budget.perStreamBytes || this.#budget.usedBytes > this.#budget.limitBytes)
    ) {
      this.#skipGap();
    }
  }

  #skipGap(): void {
    const first = this.#pieces[0];
    if (first === undefined) return;
    const lost = (first.sequence - this.#next) | 0;
    if (lost > 0) {
      this.#next = first.sequence | 0;
      this.#sink.gap(lost);
    }
    this.#drain();
  }

  #drain(): void {
    let taken = 0;
    for (const piece of this.#pieces) {
      const ahead = (piece.sequence - this.#next) | 0;
      if (ahead > 0) break;
      taken++;
      const cost = piece.data.length + pieceOverhead;
      this.#waitingBytes -= cost;
      this.#budget.usedBytes -= cost;
      this.#deliver(-ahead, piece.data, 0, piece.data.length, piece.missing);
    }
    if (taken > 0) this.#pieces.splice(0, taken);
  }
}
