import { createHash } from 'node:crypto';

/** What the clear part of a handshake says. Numbers are IANA's (TLS parameters, TLS extension types). */
export interface ClientHello {
  /** Hexadecimal; a key log knows the connection by it. */
  random: string;
  sni?: string | undefined;
  alpn: string[];
  /** Wire numbers: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3. GREASE values are left out. */
  versions: number[];
  sessionIdOffered: boolean;
  ticketOffered: boolean;
  /** Digest of the session ticket offered: TLS 1.2's, or the first pre-shared key of TLS 1.3. */
  ticket?: string;
  pskOffered: boolean;
}

export interface ServerHello {
  version: number;
  cipherSuite: number;
  helloRetryRequest: boolean;
  /** TLS 1.3: the server took an offered pre-shared key, which is resumption. */
  pskAccepted: boolean;
}

const extension = { serverName: 0, alpn: 16, sessionTicket: 35, preSharedKey: 41, supportedVersions: 43 } as const;

/** RFC 8446, 4.1.3: a ServerHello with this random is a HelloRetryRequest. */
const helloRetryRandom = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';

/** @throws RangeError if it is cut or its lengths do not add up. */
export function parseClientHello(body: Buffer): ClientHello {
  const legacyVersion = body.readUInt16BE(0);
  let at = 34;
  const sessionIdLength = body.readUInt8(at);
  at += 1 + sessionIdLength;
  at += 2 + body.readUInt16BE(at);
  at += 1 + body.readUInt8(at);
  const hello: ClientHello = {
    random: need(body, 2, 34).toString('hex'),
    alpn: [],
    versions: [],
    sessionIdOffered: sessionIdLength > 0,
    ticketOffered: false,
    pskOffered: false,
  };
  for (const [type, data] of extensions(body, at)) {
    if (type === extension.serverName) hello.sni = serverName(data);
    else if (type === extension.alpn) hello.alpn = protocolNames(data);
    else if (type === extension.sessionTicket) {
      hello.ticketOffered = data.length > 0;
      if (data.length > 0) hello.ticket = ticketDigest(data);
    } else if (type === extension.preSharedKey) {
      hello.pskOffered = true;
      hello.ticket = ticketDigest(need(data, 4, 4 + data.readUInt16BE(2)));
    } else if (type === extension.supportedVersions) hello.versions = versionList(data);
  }
  if (hello.versions.length === 0) hello.versions = [legacyVersion];
  return hello;
}

/** The ticket of a TLS 1.2 NewSessionTicket message (RFC 5077, 3.3), as a digest. @throws RangeError */
export function parseNewSessionTicket(body: Buffer): string | undefined {
  const length = body.readUInt16BE(4);
  return length === 0 ? undefined : ticketDigest(need(body, 6, 6 + length));
}

/** The ticket of a TLS 1.3 NewSessionTicket message (RFC 8446, 4.6.1), as a digest. @throws RangeError */
export function parseNewSessionTicket13(body: Buffer): string {
  const at = 9 + body.readUInt8(8);
  return ticketDigest(need(body, at + 2, at + 2 + body.readUInt16BE(at)));
}

/** A ticket is as good as a password for its session: only a digest of it is kept. */
function ticketDigest(ticket: Buffer): string {
  return createHash('sha256').update(ticket).digest('base64');
}

/** @throws RangeError if it is cut or its lengths do not add up. */
export function parseServerHello(body: Buffer): ServerHello {
  let version = body.readUInt16BE(0);
  const random = need(body, 2, 34).toString('hex');
  let at = 34;
  at += 1 + body.readUInt8(at);
  const cipherSuite = body.readUInt16BE(at);
  at += 3;
  let pskAccepted = false;
  for (const [type, data] of extensions(body, at)) {
    if (type === extension.supportedVersions) version = data.readUInt16BE(0);
    else if (type === extension.preSharedKey) pskAccepted = true;
  }
  return { version, cipherSuite, pskAccepted, helloRetryRequest: random === helloRetryRandom };
}

/** The leaf of a TLS 1.2 Certificate message (DER), or undefined for an empty list. @throws RangeError */
export function parseCertificateLeaf(body: Buffer): Buffer | undefined {
  const listLength = body.readUIntBE(0, 3);
  need(body, 3, 3 + listLength);
  if (listLength === 0) return undefined;
  const length = body.readUIntBE(3, 3);
  return need(body, 6, 6 + length);
}

/** The leaf of a TLS 1.3 Certificate message (DER; RFC 8446, 4.4.2), or undefined for an empty list. @throws RangeError */
export function parseCertificate13(body: Buffer): Buffer | undefined {
  const context = body.readUInt8(0);
  return parseCertificateLeaf(need(body, 1 + context, body.length));
}

export function versionName(version: number): string {
  const names: Record<number, string> = {
    0x0300: 'SSL 3.0',
    0x0301: '1.0',
    0x0302: '1.1',
    0x0303: '1.2',
    0x0304: '1.3',
  };
  return names[version] ?? `0x${version.toString(16).padStart(4, '0')}`;
}

/** Suites that authenticate but do not encrypt (names with NULL, and RFC 9150): their records are plaintext. */
export function isNullCipher(suite: number): boolean {
  const nullSuites = [
    0x0000, 0x0001, 0x0002, 0x002c, 0x002d, 0x002e, 0x003b, 0x00b0, 0x00b1, 0x00b4, 0x00b5, 0x00b8, 0x00b9,
  ];
  const nullEcSuites = [0xc001, 0xc006, 0xc00b, 0xc010, 0xc015, 0xc039, 0xc03a, 0xc03b, 0xc0b4, 0xc0b5];
  return nullSuites.includes(suite) || nullEcSuites.includes(suite);
}

function need(body: Buffer, from: number, to: number): Buffer {
  if (to > body.length) throw new RangeError('TLS message is cut');
  return body.subarray(from, to);
}

function* extensions(body: Buffer, from: number): Generator<[number, Buffer]> {
  if (from >= body.length) return;
  const end = from + 2 + body.readUInt16BE(from);
  need(body, from + 2, end);
  for (let at = from + 2; at < end;) {
    const length = body.readUInt16BE(at + 2);
    yield [body.readUInt16BE(at), need(body, at + 4, at + 4 + length)];
    at += 4 + length;
  }
}

function serverName(data: Buffer): string | undefined {
  if (data.length < 5 || data[2] !== 0) return undefined;
  return need(data, 5, 5 + data.readUInt16BE(3)).toString('latin1');
}

function protocolNames(data: Buffer): string[] {
  const names: string[] = [];
  for (let at = 2; at < data.length;) {
    const length = data.readUInt8(at);
    names.push(need(data, at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return names;
}

function versionList(data: Buffer): number[] {
  const versions: number[] = [];
  for (let at = 1; at + 2 <= data.length; at += 2) {
    const version = data.readUInt16BE(at);
    // GREASE (RFC 8701): 0x0a0a, 0x1a1a … are noise by design.
    if ((version & 0x0f0f) !== 0x0a0a) versions.push(version);
  }
  return versions;
}
