import { identityOfCertificate } from './certificate-identity.ts';
import {
  parseCertificateLeaf,
  parseClientHello,
  parseNewSessionTicket,
  parseServerHello,
  type ClientHello,
  type ServerHello,
} from './tls-handshake.ts';

export type Role = 'client' | 'server';

/** What both directions of one connection showed in clear. */
export interface HandshakeFacts {
  clientHello?: ClientHello;
  serverHello?: ServerHello;
  helloRetryRequest: boolean;
  /** Identity of the server's leaf; '' for a certificate without a name. In TLS 1.3 only from a handshake that was opened. */
  serverIdentity?: string;
  /** Undefined: the client sent no certificate, or an empty list. */
  clientIdentity?: string;
  certificateRequested: boolean;
  /** Digests of the session tickets the server gave out. */
  ticketsIssued: string[];
  serverHelloDone: boolean;
  /** The server switched to encryption. */
  serverChangedCipher: boolean;
  /** `server: fatal handshake_failure` */
  alerts: string[];
  /** Whose part of a TLS 1.3 handshake was read to its end, with the secrets of a key log. */
  opened: Set<Role>;
  /** A handshake message could not be read: no conclusion from this handshake. */
  malformed: boolean;
}

export function noFacts(): HandshakeFacts {
  return {
    helloRetryRequest: false,
    certificateRequested: false,
    ticketsIssued: [],
    serverHelloDone: false,
    serverChangedCipher: false,
    alerts: [],
    opened: new Set(),
    malformed: false,
  };
}

const tls13 = 0x0304;

/**
 * The handshake was in the capture from its first to its last clear message. In TLS 1.2 that last one is the server's
 * change of cipher: it comes only after the server accepted what the client showed.
 */
export function isFullHandshake(facts: HandshakeFacts): boolean {
  const hello = facts.serverHello;
  if (facts.malformed || facts.clientHello === undefined || hello === undefined) return false;
  if (hello.version >= tls13) return !hello.pskAccepted;
  return facts.serverIdentity !== undefined && facts.serverHelloDone && facts.serverChangedCipher;
}

/** TLS 1.3: a pre-shared key was taken. TLS 1.2: the server went from its hello straight to encryption. */
export function isResumed(facts: HandshakeFacts): boolean {
  const hello = facts.serverHello;
  if (facts.malformed || hello === undefined) return false;
  if (hello.version >= tls13) return hello.pskAccepted;
  return facts.serverChangedCipher && !facts.serverHelloDone && facts.serverIdentity === undefined;
}

const messageType = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  certificate: 11,
  certificateRequest: 13,
  serverHelloDone: 14,
} as const;
/** Certificate chains are a few KiB; beyond this it is not a handshake worth reading. */
const maxMessageLength = 128 * 1024;
/** An encrypted Finished record is at most some 100 bytes; a second ClientHello (after HelloRetryRequest) is longer. */
const longestFinished = 100;

/** Puts the handshake messages of one direction together from record pieces and notes what they say. */
export class HandshakeReader {
  #pending = Buffer.alloc(0);
  #fill = 0;
  #done = false;
  #changedCipher = false;
  readonly #role: Role;
  readonly #facts: HandshakeFacts;

  constructor(role: Role, facts: HandshakeFacts) {
    this.#role = role;
    this.#facts = facts;
  }

  /** Whether a handshake record of this length may still be in clear. */
  wants(recordLength: number): boolean {
    return !this.#done && (!this.#changedCipher || (this.#role === 'client' && recordLength > longestFinished));
  }

  changeCipherSpec(): void {
    // In TLS 1.3 the message means nothing, and the real ServerHello may follow one after a HelloRetryRequest.
    if (this.#role === 'server') {
      this.#facts.serverChangedCipher = true;
      if (!this.#facts.helloRetryRequest) this.#finish();
    } else this.#changedCipher = true;
  }

  /** Lost or unreadable bytes in the handshake. */
  abandon(): void {
    if (!this.#done) this.#facts.malformed = true;
    this.#finish();
  }

  push(buffer: Buffer, from: number, to: number): void {
    if (this.#done) return;
    this.#append(buffer, from, to);
    let at = 0;
    while (this.#fill - at >= 4 && !this.#done) {
      const type = this.#pending.readUInt8(at);
      const length = this.#pending.readUIntBE(at + 1, 3);
      if (this.#changedCipher && type !== messageType.clientHello) return this.#finish();
      if (length > maxMessageLength) return this.abandon();
      if (this.#fill - at < 4 + length) break;
      try {
        this.#message(type, this.#pending.subarray(at + 4, at + 4 + length));
      } catch {
        // Whatever the parser or OpenSSL dislikes: the bytes stay TLS by their records, the handshake says nothing.
        return this.abandon();
      }
      at += 4 + length;
    }
    if (at > 0) {
      this.#pending.copyWithin(0, at, this.#fill);
      this.#fill -= at;
    }
  }

  #append(buffer: Buffer, from: number, to: number): void {
    const needed = this.#fill + to - from;
    if (needed > this.#pending.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#pending.length * 2, 512));
      this.#pending.copy(grown, 0, 0, this.#fill);
      this.#pending = grown;
    }
    buffer.copy(this.#pending, this.#fill, from, to);
    this.#fill = needed;
  }

  #message(type: number, body: Buffer): void {
    const facts = this.#facts;
    if (this.#role === 'client') {
      if (type === messageType.clientHello) facts.clientHello = parseClientHello(body);
      else if (type === messageType.certificate) {
        const leaf = parseCertificateLeaf(body);
        if (leaf !== undefined) facts.clientIdentity = identityOfCertificate(leaf);
      }
      return;
    }
    if (type === messageType.serverHello) {
      const hello = parseServerHello(body);
      if (hello.helloRetryRequest) {
        facts.helloRetryRequest = true;
        return;
      }
      facts.serverHello = hello;
      if (hello.version >= tls13) this.#finish();
    } else if (type === messageType.certificate) {
      const leaf = parseCertificateLeaf(body);
      if (leaf !== undefined) facts.serverIdentity = identityOfCertificate(leaf);
    } else if (type === messageType.newSessionTicket) {
      const ticket = parseNewSessionTicket(body);
      if (ticket !== undefined) facts.ticketsIssued.push(ticket);
    } else if (type === messageType.certificateRequest) facts.certificateRequested = true;
    else if (type === messageType.serverHelloDone) facts.serverHelloDone = true;
  }

  #finish(): void {
    this.#done = true;
    this.#pending = Buffer.alloc(0);
    this.#fill = 0;
  }
}
