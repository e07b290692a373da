/** The part of a message before its body, as HTTP/1.1 writes it (RFC 9112). */
export interface MessageHead {
  /** Of its first byte, epoch ms. */
  atMs: number;
  startLine: string;
  /** Values by name in lower case; of one that stands there several times, all, with commas between (RFC 9110, 5.3). */
  headers: ReadonlyMap<string, string>;
}

/** How much follows a head: bytes, chunks, everything until the connection ends. */
export type BodyFraming = { bytes: number } | 'chunked' | 'until-close';

const startLines = {
  request: /^[A-Z]{3,20} \S+ HTTP\/1\.[01]$/,
  response: /^HTTP\/1\.[01] \d{3}/,
} as const;
const beginnings = {
  request: /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) /,
  response: /^HTTP\/1\.[01] \d/,
} as const;

export type MessageKind = keyof typeof startLines;

/** Whether bytes may be the beginning of a message. */
export function beginsMessage(kind: MessageKind, bytes: Buffer): boolean {
  return beginnings[kind].test(bytes.toString('latin1', 0, 16));
}

/** Undefined for what is no head of an HTTP/1 message. @param text without the blank line that ends it */
export function parseHead(kind: MessageKind, text: string, atMs: number): MessageHead | undefined {
  const [startLine = '', ...lines] = text.split('\r\n');
  if (!startLines[kind].test(startLine)) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return { atMs, startLine, headers };
}

/** RFC 9112, 6.3. @param method of the request that a response answers; undefined where it was not seen */
export function framingOf(kind: MessageKind, { startLine, headers }: MessageHead, method?: string): BodyFraming {
  const status = kind === 'response' ? statusOf(startLine) : 0;
  if (kind === 'response') {
    if (status === 101) return 'until-close';
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { bytes: 0 };
  }
  if (/(^|,)\s*chunked\s*$/i.test(headers.get('transfer-encoding') ?? '')) return 'chunked';
  const length = /^\d+/.exec(headers.get('content-length') ?? '')?.[0];
  if (length !== undefined) return { bytes: Number(length) };
  return kind === 'response' ? 'until-close' : { bytes: 0 };
}

/** Of a response's first line. */
export function statusOf(startLine: string): number {
  return Number(startLine.split(' ')[1]);
}
