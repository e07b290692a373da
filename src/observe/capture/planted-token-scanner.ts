/** Looks for strings in both directions of a connection, across segment borders. */
export class PlantedTokenSet {
  readonly needles: readonly Buffer[];
  readonly texts: readonly string[];
  /** Bytes that must be kept of a stream so that a planted token on a border is found. */
  readonly overlap: number;
  readonly scratch: Buffer;

  constructor(texts: readonly string[]) {
    this.texts = [...new Set(texts.filter((text) => text.length > 0))];
    this.needles = this.texts.map((text) => Buffer.from(text, 'utf8'));
    this.overlap = Math.max(0, ...this.needles.map((needle) => needle.length - 1));
    this.scratch = Buffer.alloc(this.overlap * 2);
  }
}

/** One direction. */
export class PlantedTokenScanner {
  #tail = Buffer.alloc(0);
  #tailLength = 0;
  readonly #set: PlantedTokenSet;
  readonly #found: Set<string>;

  constructor(set: PlantedTokenSet, found: Set<string>) {
    this.#set = set;
    this.#found = found;
  }

  /** The next bytes of the stream. */
  data(buffer: Buffer, from: number, to: number): void {
    const { overlap, scratch, needles } = this.#set;
    if (this.#found.size === needles.length) return;
    this.aside(buffer, from, to);
    if (overlap === 0) return;
    if (this.#tailLength > 0) {
      const head = Math.min(overlap, to - from);
      this.#tail.copy(scratch, 0, 0, this.#tailLength);
      buffer.copy(scratch, this.#tailLength, from, from + head);
      this.aside(scratch, 0, this.#tailLength + head);
    }
    this.#keepTail(buffer, from, to);
  }

  /** The stream has a hole here: what comes next does not join what came before. */
  gap(): void {
    this.#tailLength = 0;
  }

  /** Bytes to be searched on their own. */
  aside(buffer: Buffer, from: number, to: number): void {
    const { needles, texts } = this.#set;
    const view = buffer.subarray(from, to);
    for (let index = 0; index < needles.length; index++) {
      const text = texts[index]!;
      if (!this.#found.has(text) && view.indexOf(needles[index]!) >= 0) this.#found.add(text);
    }
  }

  #keepTail(buffer: Buffer, from: number, to: number): void {
    const { overlap } = this.#set;
    if (this.#tail.length === 0) this.#tail = Buffer.alloc(overlap);
    const fresh = Math.min(overlap, to - from);
    const kept = Math.min(this.#tailLength, overlap - fresh);
    this.#tail.copyWithin(0, this.#tailLength - kept, this.#tailLength);
    buffer.copy(this.#tail, kept, to - fresh, to);
    this.#tailLength = kept + fresh;
  }
}
