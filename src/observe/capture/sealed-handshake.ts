import { identityOfCertificate } from './certificate-identity.ts';
import type { HandshakeFacts, Role } from './handshake-facts.ts';
import type { ConnectionSecrets, KeyLog } from './key-log.ts';
import { RecordCipher } from './record-cipher.ts';
import { parseCertificate13, parseNewSessionTicket13 } from './tls-handshake.ts';

const handshakeRecord = 22;
const messageType = { newSessionTicket: 4, certificate: 11, certificateRequest: 13, finished: 20 } as const;
/** A server gives out a few tickets; whatever comes later is none. */
const recordsAfterHandshake = 8;

/**
 * The encrypted part of a TLS 1.3 handshake, of one direction, read with the secrets of a key log: who showed which
 * certificate, whether one was asked for, and which session tickets were given out (RFC 8446, 4.3 to 4.6). The tag of every
 * record says that the secret is this connection's.
 */
export class SealedHandshake {
  readonly #role: Role;
  readonly #facts: HandshakeFacts;
  readonly #keys: KeyLog;
  #cipher: RecordCipher | undefined;
  #pending = Buffer.alloc(0);
  #afterHandshake: number | undefined;
  #done = false;

  constructor(role: Role, facts: HandshakeFacts, keys: KeyLog) {
    this.#role = role;
    this.#facts = facts;
    this.#keys = keys;
  }

  /** Whether the next record of encrypted data is one to be read. */
  wants(): boolean {
    return !this.#done && this.#secrets() !== undefined;
  }

  /** A whole record. @param header the five bytes before it */
  record(header: Buffer, body: Buffer): void {
    if (this.#done) return;
    try {
      this.#cipher ??= this.#cipherOf(
        this.#role === 'client' ? 'CLIENT_HANDSHAKE_TRAFFIC_SECRET' : 'SERVER_HANDSHAKE_TRAFFIC_SECRET',
      );
      if (this.#cipher === undefined) return this.#finish();
      const { type, content } = this.#cipher.open(header, body);
      if (
        this.#afterHandshake !== undefined &&
        (type !== handshakeRecord || ++this.#afterHandshake > recordsAfterHandshake)
      )
        return this.#finish();
      if (type === handshakeRecord) this.#messages(content);
    } catch {
      // A wrong secret, or a handshake nobody can read: it stays closed, and proves nothing.
      this.#finish();
    }
  }

  /** Lost bytes: later records cannot be counted any more. */
  abandon(): void {
    this.#finish();
  }

  #secrets(): ConnectionSecrets | undefined {
    const { clientHello, serverHello } = this.#facts;
    return clientHello === undefined || serverHello === undefined ? undefined : this.#keys.get(clientHello.random);
  }

  #cipherOf(label: keyof ConnectionSecrets): RecordCipher | undefined {
    const secret = this.#secrets()?.[label];
    const suite = this.#facts.serverHello?.cipherSuite;
    return secret === undefined || suite === undefined ? undefined : new RecordCipher(secret, suite);
  }

  #messages(content: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, content]);
    while (this.#pending.length >= 4) {
      const end = 4 + this.#pending.readUIntBE(1, 3);
      if (this.#pending.length < end) return;
      this.#message(this.#pending.readUInt8(0), this.#pending.subarray(4, end));
      this.#pending = this.#pending.subarray(end);
    }
  }

  #message(type: number, body: Buffer): void {
    const facts = this.#facts;
    if (type === messageType.certificate) {
      const leaf = parseCertificate13(body);
      if (leaf !== undefined) facts[`${this.#role}Identity`] = identityOfCertificate(leaf);
    } else if (type === messageType.certificateRequest) facts.certificateRequested = true;
    else if (type === messageType.newSessionTicket) facts.ticketsIssued.push(parseNewSessionTicket13(body));
    else if (type === messageType.finished) {
      facts.opened.add(this.#role);
      // What a client sends next is the app's; a server's first words may be tickets.
      if (this.#role === 'client') return this.#finish();
      this.#cipher = this.#cipherOf('SERVER_TRAFFIC_SECRET_0');
      this.#afterHandshake = 0;
      if (this.#cipher === undefined) this.#finish();
    }
  }

  #finish(): void {
    this.#done = true;
    this.#cipher = undefined;
    this.#pending = Buffer.alloc(0);
  }
}
