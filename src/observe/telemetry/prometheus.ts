import { MeshproofError } from '../../base/errors.ts';

/** One line of a Prometheus exposition. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
  /** Milliseconds since the epoch; OpenMetrics writes seconds, which are converted. */
  timestampMs?: number;
  exemplar?: { labels: Record<string, string>; value: number; timestampMs?: number };
}

export interface ParseOptions {
  /** Samples with other names are skipped before their labels are read; most of a proxy's text is not wanted. */
  only?: (name: string) => boolean;
  /** OpenMetrics timestamps are seconds. Default: told by its closing `# EOF`. */
  openMetrics?: boolean;
}

/**
 * Reads the Prometheus text format 0.0.4 and OpenMetrics 1.0 (quoted UTF-8 names too). Metadata lines are skipped, see
 * `parseFamilies` for them.
 *
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE with the line number: an HTML error page is not "no metrics".
 */
export function parsePrometheus(text: string, options: ParseOptions = {}): Sample[] {
  const samples: Sample[] = [];
  scanPrometheus(text, (sample) => samples.push(sample), options);
  return samples;
}

/** As `parsePrometheus`, one sample at a time; nothing is kept. */
export function scanPrometheus(text: string, visit: (sample: Sample) => void, options: ParseOptions = {}): void {
  const eof = /^# EOF[ \t\r]*$/m.exec(text);
  const openMetrics = options.openMetrics ?? eof !== null;
  refuseCutOrJoined(text, eof === null ? undefined : eof.index + eof[0].length);
  let lineNumber = 0;
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    lineNumber++;
    let at = skipBlanks(text, start, end);
    if (at < end && text.charCodeAt(at) !== HASH && text.charCodeAt(at) !== CARRIAGE_RETURN) {
      const reader = new LineReader(text, at, end, lineNumber, openMetrics);
      const sample = reader.sample(options.only);
      if (sample) visit(sample);
      at = end;
    }
    start = end + 1;
  }
}

/**
 * A last line without its end may be half a number (`b 12` of `b 123`), and what follows `# EOF` is another answer: both
 * formats forbid it. A comment at the end may lack its end of line, as OpenMetrics allows for `# EOF`.
 */
function refuseCutOrJoined(text: string, afterEof: number | undefined): void {
  const last = text.lastIndexOf('\n') + 1;
  const tail = text.slice(last).trim();
  if (tail !== '' && !tail.startsWith('#')) throw unreadable(lineOf(text, last), 'its end is missing: cut off', tail);
  const joined = afterEof === undefined ? '' : text.slice(afterEof);
  if (joined.trim() === '') return;
  const at = (afterEof ?? 0) + joined.search(/\S/);
  throw unreadable(lineOf(text, at), 'something follows # EOF', text.slice(at).split('\n', 1)[0] ?? '');
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function unreadable(line: number, why: string, shown: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_METRICS_UNREADABLE',
    `line ${line} is not Prometheus text: ${why}: ${shown.slice(0, 120)}`,
    'Look at the raw metrics in the evidence folder: the endpoint may have answered with an error page.',
  );
}

const HASH = 35;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const TAB = 9;
const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const EQUALS = 61;
const OPEN = 123;
const CLOSE = 125;

const isBlank = (code: number): boolean => code === SPACE || code === TAB || code === CARRIAGE_RETURN;

function skipBlanks(text: string, from: number, end: number): number {
  while (from < end && (text.charCodeAt(from) === SPACE || text.charCodeAt(from) === TAB)) from++;
  return from;
}

/** Letters, digits, `_` and `:`: what needs no quotes. */
function isNameCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 58) || code === 95;
}

class LineReader {
  private readonly text: string;
  private at: number;
  private readonly end: number;
  private readonly lineNumber: number;
  private readonly openMetrics: boolean;

  constructor(text: string, at: number, end: number, lineNumber: number, openMetrics: boolean) {
    this.text = text;
    this.at = at;
    this.end = end;
    this.lineNumber = lineNumber;
    this.openMetrics = openMetrics;
  }

  sample(only: ParseOptions['only']): Sample | undefined {
    let name = this.bareName();
    if (name !== '' && only && !only(name)) return undefined;
    this.blanks();
    const labels: Record<string, string> = {};
    if (this.peek() === OPEN) {
      const quotedName = this.labels(labels);
      if (quotedName !== undefined && name !== '') this.fail('two metric names');
      name = quotedName ?? name;
    }
    if (name === '') this.fail('a metric name is missing');
    if (only && !only(name)) return undefined;
    const sample: Sample = { name, labels, value: this.number() };
    const timestampMs = this.timestamp();
    if (timestampMs !== undefined) sample.timestampMs = timestampMs;
    if (this.peek() === HASH) {
      this.at++;
      this.blanks();
      const exemplarLabels: Record<string, string> = {};
      if (this.peek() !== OPEN) this.fail('an exemplar needs a label set');
      this.labels(exemplarLabels);
      const exemplar: NonNullable<Sample['exemplar']> = { labels: exemplarLabels, value: this.number() };
      const time = this.timestamp();
      if (time !== undefined) exemplar.timestampMs = time;
      sample.exemplar = exemplar;
    }
    if (this.at < this.end) this.fail('text after the value');
    return sample;
  }

  private peek(): number {
    return this.at < this.end ? this.text.charCodeAt(this.at) : -1;
  }

  private blanks(): void {
    while (this.at < this.end && isBlank(this.text.charCodeAt(this.at))) this.at++;
  }

  private bareName(): string {
    const from = this.at;
    while (this.at < this.end && isNameCode(this.text.charCodeAt(this.at))) this.at++;
    if (this.at > from && this.text.charCodeAt(from) < 58 && this.text.charCodeAt(from) >= 48)
      this.fail('a name cannot start with a digit');
    return this.text.slice(from, this.at);
  }

  /** Reads `{…}` into `labels`; returns the metric name where it stands quoted inside. */
  private labels(labels: Record<string, string>): string | undefined {
    let quotedName: string | undefined;
    this.at++;
    for (;;) {
      this.blanks();
      if (this.peek() === CLOSE) {
        this.at++;
        return quotedName;
      }
      const quoted = this.peek() === QUOTE;
      const name = quoted ? this.quoted() : this.bareName();
      this.blanks();
      if (quoted && this.peek() !== EQUALS) {
        if (quotedName !== undefined) this.fail('two metric names');
        quotedName = name;
      } else {
        if (name === '' && !quoted) this.fail('a label name is missing');
        if (this.peek() !== EQUALS) this.fail(`no = after label ${name}`);
        this.at++;
        this.blanks();
        if (this.peek() !== QUOTE) this.fail(`the value of label ${name} is not quoted`);
        const value = this.quoted();
        if (Object.hasOwn(labels, name)) this.fail(`label ${name} stands there twice`);
        // A label may be called __proto__; plain assignment would drop it.
        if (name === '__proto__')
          Object.defineProperty(labels, name, { value, enumerable: true, writable: true, configurable: true });
        else labels[name] = value;
      }
      this.blanks();
      if (this.peek() === COMMA) this.at++;
      else if (this.peek() !== CLOSE) this.fail('a label set is not closed');
    }
  }

  private quoted(): string {
    this.at++;
    let from = this.at;
    let value = '';
    for (;;) {
      const code = this.peek();
      if (code < 0) this.fail('a quoted text is not closed');
      if (code === QUOTE) {
        value += this.text.slice(from, this.at);
        this.at++;
        return value;
      }
      if (code === BACKSLASH) {
        const escape = this.at + 1 < this.end ? this.text[this.at + 1] : undefined;
        if (escape === 'n' || escape === '"' || escape === '\\') {
          value += this.text.slice(from, this.at) + (escape === 'n' ? '\n' : escape);
          this.at += 2;
          from = this.at;
          continue;
        }
      }
      this.at++;
    }
  }

  private word(): string {
    this.blanks();
    const from = this.at;
    while (this.at < this.end && !isBlank(this.text.charCodeAt(this.at))) this.at++;
    const word = this.text.slice(from, this.at);
    this.blanks();
    return word;
  }

  private number(): number {
    const word = this.word();
    const value = numberOf(word);
    if (value === undefined) this.fail(word === '' ? 'the value is missing' : `"${word.slice(0, 40)}" is not a number`);
    return value;
  }

  private timestamp(): number | undefined {
    this.blanks();
    if (this.at >= this.end || this.peek() === HASH) return undefined;
    const value = this.number();
    return this.openMetrics ? value * 1000 : value;
  }

  private fail(why: string): never {
    const line = this.text.slice(this.text.lastIndexOf('\n', this.at - 1) + 1, this.end);
    throw unreadable(this.lineNumber, why, line);
  }
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function numberOf(word: string): number | undefined {
  if (DECIMAL.test(word)) return Number(word);
  switch (word.toLowerCase()) {
    case '+inf':
    case 'inf':
      return Infinity;
    case '-inf':
      return -Infinity;
    case 'nan':
      return NaN;
    default:
      return undefined;
  }
}
