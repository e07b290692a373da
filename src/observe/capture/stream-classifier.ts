import type { HandshakeFacts, Role } from './handshake-facts.ts';
import { HandshakeReader } from './handshake-facts.ts';
import {
  isPostgresEncryptionRequest,
  isSurelyPlaintext,
  nameOpening,
  openingLength,
  type PlaintextProtocol,
} from './plaintext-protocol.ts';
import type { KeyLog } from './key-log.ts';
import { SealedHandshake } from './sealed-handshake.ts';
import { alertName } from './tls-alert.ts';

const recordType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23, heartbeat: 24 } as const;
const recordHeaderLength = 5;
/** RFC 5246, 6.2.3: 2^14 plus 2048 for compression and cipher. */
const maxRecordLength = 16_384 + 2_048;

/** What two directions of a connection must know of each other. */
export interface SharedState {
  facts: HandshakeFacts;
  /** PostgreSQL: the client asked for encryption and the server's one-byte answer has not come. */
  encryptionRequests: number;
  /** With these the encrypted part of a TLS 1.3 handshake is read. */
  keys?: KeyLog | undefined;
}

/**
 * start: nothing read yet. mid: the stream's beginning is missing. header, body: between and in TLS records.
 * plaintext: not TLS from here on. lost: TLS whose record borders were lost in a gap.
 */
type State = 'start' | 'mid' | 'header' | 'body' | 'plaintext' | 'lost';

/**
 * Says for every byte of one direction whether it belongs to a TLS record. A record's body is skipped by its length;
 * only clear handshake messages are looked at. The first thing that is not a record makes all that follows plaintext.
 */
export class StreamClassifier {
  tlsBytes = 0;
  plaintextBytes = 0;
  unclassifiedBytes = 0;
  /** Part of tlsBytes: bodies of application data records. */
  applicationDataBytes = 0;
  readonly protocols = new Set<PlaintextProtocol>();
  #state: State = 'start';
  /** Bytes read and not yet decided on: a piece of a record header, or a stream's opening. */
  readonly #held = Buffer.alloc(openingLength);
  #heldLength = 0;
  #remaining = 0;
  #recordType = 0;
  #collect: 'handshake' | 'alert' | 'sealed' | undefined;
  /** Header and what there is of the body of a record that is to be opened. */
  #sealedRecord: Buffer[] = [];
  /** First bytes of the plaintext part, to name it. */
  #plaintextOpening = Buffer.alloc(0);
  readonly #role: Role;
  readonly #shared: SharedState;
  readonly #handshake: HandshakeReader;
  readonly #sealed: SealedHandshake | undefined;

  constructor(role: Role, shared: SharedState) {
    this.#role = role;
    this.#shared = shared;
    this.#handshake = new HandshakeReader(role, shared.facts);
    this.#sealed = shared.keys && new SealedHandshake(role, shared.facts, shared.keys);
  }

  get payloadBytes(): number {
    return this.tlsBytes + this.plaintextBytes + this.unclassifiedBytes;
  }

  startMidStream(): void {
    this.#state = 'mid';
  }

  data(buffer: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      switch (this.#state) {
        case 'body':
          at = this.#readBody(buffer, at, to);
          break;
        case 'header':
          at = this.#readHeader(buffer, at, to);
          break;
        case 'start':
        case 'mid':
          at = this.#readOpening(buffer, at);
          break;
        case 'plaintext':
          this.#addPlaintext(buffer, at, to);
          return;
        case 'lost':
          this.unclassifiedBytes += to - at;
          return;
      }
    }
  }

  /** Bytes that were sent and not captured. */
  gap(length: number): void {
    this.unclassifiedBytes += length;
    switch (this.#state) {
      case 'start':
        this.#flushHeld();
        this.#state = 'mid';
        return;
      case 'mid':
        this.#flushHeld();
        return;
      case 'header':
        this.#flushHeld();
        this.#state = 'lost';
        this.#handshake.abandon();
        return;
      case 'body':
        if (this.#collect !== undefined && this.#collect !== 'sealed') this.#handshake.abandon();
        this.#sealed?.abandon();
        this.#collect = undefined;
        // A gap within one record does not lose its border.
        if (length > this.#remaining) this.#state = 'lost';
        this.#remaining -= Math.min(length, this.#remaining);
        if (this.#state === 'body' && this.#remaining === 0) this.#endBody();
        return;
      case 'plaintext':
      case 'lost':
    }
  }

  aside(length: number): void {
    this.unclassifiedBytes += length;
  }

  /** @param complete the stream was closed by its sender, so that nothing can follow. */
  finish(complete: boolean): void {
    if (this.#state === 'header' && !complete && couldBeHeader(this.#held, this.#heldLength)) {
      // The capture ended while a record header was on its way.
      this.tlsBytes += this.#heldLength;
      this.#heldLength = 0;
    }
    if (this.#heldLength > 0 && (this.#state === 'mid' || (this.#state === 'start' && complete)))
      this.#decideOpening(true);
    this.#flushHeld();
    if (this.#plaintextOpening.length > 0) this.protocols.add(nameOpening(this.#plaintextOpening));
    this.#plaintextOpening = Buffer.alloc(0);
  }

  #flushHeld(): void {
    this.unclassifiedBytes += this.#heldLength;
    this.#heldLength = 0;
  }

  #readBody(buffer: Buffer, at: number, to: number): number {
    const length = Math.min(this.#remaining, to - at);
    if (this.#collect === 'handshake') this.#handshake.push(buffer, at, at + length);
    else if (this.#collect === 'sealed') this.#sealedRecord.push(Buffer.from(buffer.subarray(at, at + length)));
    else if (this.#collect === 'alert') {
      for (let index = at; index < at + length; index++) this.#held[this.#heldLength++] = buffer[index] ?? 0;
    }
    this.tlsBytes += length;
    if (this.#recordType === recordType.applicationData) this.applicationDataBytes += length;
    this.#remaining -= length;
    if (this.#remaining === 0) this.#endBody();
    return at + length;
  }

  #endBody(): void {
    if (this.#collect === 'alert') {
      this.#shared.facts.alerts.push(`${this.#role}: ${alertName(this.#held[0] ?? 0, this.#held[1] ?? 0)}`);
      this.#heldLength = 0;
    }
    if (this.#collect === 'sealed') {
      const [header = Buffer.alloc(0), ...body] = this.#sealedRecord;
      this.#sealed?.record(header, Buffer.concat(body));
      this.#sealedRecord = [];
    }
    this.#collect = undefined;
    if (this.#recordType === recordType.changeCipherSpec) this.#handshake.changeCipherSpec();
    this.#state = 'header';
  }

  #readHeader(buffer: Buffer, at: number, to: number): number {
    if (this.#heldLength === 0 && to - at >= recordHeaderLength) {
      if (!isRecordHeader(buffer, at)) return this.#turnPlaintext(at);
      this.#beginRecord(buffer, at);
      return at + recordHeaderLength;
    }
    this.#held[this.#heldLength++] = buffer[at] ?? 0;
    if (!couldBeHeader(this.#held, this.#heldLength)) return this.#turnPlaintext(at + 1);
    if (this.#heldLength === recordHeaderLength) {
      this.#heldLength = 0;
      this.#beginRecord(this.#held, 0);
    }
    return at + 1;
  }

  #beginRecord(buffer: Buffer, at: number): void {
    const type = buffer[at] ?? 0;
    const length = buffer.readUInt16BE(at + 3);
    this.tlsBytes += recordHeaderLength;
    this.#recordType = type;
    this.#remaining = length;
    this.#state = 'body';
    if (type === recordType.handshake && this.#handshake.wants(length)) this.#collect = 'handshake';
    else if (type === recordType.alert && length === 2) this.#collect = 'alert';
    else if (type === recordType.applicationData && this.#sealed?.wants() === true) {
      this.#collect = 'sealed';
      this.#sealedRecord = [Buffer.from(buffer.subarray(at, at + recordHeaderLength))];
    } else this.#collect = undefined;
    if (length === 0) this.#endBody();
  }

  #turnPlaintext(at: number): number {
    this.#state = 'plaintext';
    const held = this.#heldLength;
    this.#heldLength = 0;
    if (held > 0) this.#addPlaintext(this.#held, 0, held);
    return at;
  }

  #addPlaintext(buffer: Buffer, from: number, to: number): void {
    this.plaintextBytes += to - from;
    const wanted = openingLength - this.#plaintextOpening.length;
    if (wanted > 0) {
      this.#plaintextOpening = Buffer.concat([
        this.#plaintextOpening,
        buffer.subarray(from, Math.min(to, from + wanted)),
      ]);
    }
  }

  #readOpening(buffer: Buffer, at: number): number {
    this.#held[this.#heldLength++] = buffer[at] ?? 0;
    this.#decideOpening(false);
    return at + 1;
  }

  /** Looks at the held opening of a stream; `final`: nothing more will come. */
  #decideOpening(final: boolean): void {
    const held = this.#held.subarray(0, this.#heldLength);
    if (this.#state === 'mid') {
      if (held.length < openingLength && !final) return;
      if (isSurelyPlaintext(held)) this.#turnPlaintext(0);
      else {
        this.#flushHeld();
        this.#state = 'lost';
      }
      return;
    }
    if (couldBeTlsOpening(held, this.#role)) {
      if (held.length < recordHeaderLength + 1) return;
      const first = held[recordHeaderLength] ?? 0;
      this.#heldLength = 0;
      this.#beginRecord(held, 0);
      this.#readBody(Buffer.from([first]), 0, 1);
      return;
    }
    if (this.#role === 'client' && held[0] === 0 && held.length < 8 && !final) return;
    if (this.#role === 'client' && isPostgresEncryptionRequest(held)) {
      this.#shared.encryptionRequests++;
      this.#takeNegotiation();
      return;
    }
    if (
      this.#role === 'server' &&
      this.#shared.encryptionRequests > 0 &&
      held.length === 1 &&
      'SNG'.includes(held.toString('latin1'))
    ) {
      this.#shared.encryptionRequests--;
      this.#takeNegotiation();
      return;
    }
    this.#turnPlaintext(0);
  }

  /** The clear bytes before PostgreSQL's TLS: plaintext, but the stream may still become TLS. */
  #takeNegotiation(): void {
    this.plaintextBytes += this.#heldLength;
    this.#heldLength = 0;
    this.protocols.add('postgresql-ssl-request');
  }
}

function isRecordHeader(buffer: Buffer, at: number): boolean {
  const type = buffer[at] ?? 0;
  if (type < recordType.changeCipherSpec || type > recordType.heartbeat) return false;
  if (buffer[at + 1] !== 3 || (buffer[at + 2] ?? 255) > 4) return false;
  const length = ((buffer[at + 3] ?? 0) << 8) | (buffer[at + 4] ?? 0);
  return length <= maxRecordLength && (length > 0 || type === recordType.applicationData);
}

/** Whether these first bytes of a header leave it possible. */
function couldBeHeader(held: Buffer, length: number): boolean {
  if (length >= recordHeaderLength) return isRecordHeader(held, 0);
  const type = held[0] ?? 0;
  if (length > 0 && (type < recordType.changeCipherSpec || type > recordType.heartbeat)) return false;
  if (length > 1 && held[1] !== 3) return false;
  return !(length > 2 && (held[2] ?? 255) > 4) && !(length > 3 && (held[3] ?? 255) > maxRecordLength >> 8);
}

/** TLS begins with a ClientHello, answered by a ServerHello or refused by an alert; nothing else counts as its beginning. */
function couldBeTlsOpening(held: Buffer, role: Role): boolean {
  if (!couldBeHeader(held, held.length)) return false;
  const type = held[0];
  if (type !== recordType.handshake && !(type === recordType.alert && role === 'server')) return false;
  if (held.length <= recordHeaderLength) return true;
  if (type === recordType.alert) return held.readUInt16BE(3) === 2;
  const message = held[recordHeaderLength];
  return role === 'client' ? message === 1 : message === 2 || message === 0;
}
