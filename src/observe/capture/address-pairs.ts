import { SocketAddress } from 'node:net';
import { captureError } from './capture-error.ts';
import type { Segment } from './tcp-segment.ts';

/** Finds the value kept for the two addresses of a packet without turning them into text. */
export class AddressPairs<T> {
  readonly #ipv4 = new Map<number, Map<number, Oriented<T>>>();
  readonly #ipv6 = new Map<string, Oriented<T>>();

  /** Both orders of the two addresses lead to `value`. @throws MeshproofError MESHPROOF_CAPTURE for a malformed address. */
  set(first: string, second: string, value: T): void {
    const a = addressBytes(first);
    const b = addressBytes(second);
    if (a.length !== b.length) return;
    this.#put(a, b, { value, fromFirst: true });
    this.#put(b, a, { value, fromFirst: false });
  }

  get(segment: Segment, buffer: Buffer): Oriented<T> | undefined {
    const { sourceAt } = segment;
    if (segment.version === 4)
      return this.#ipv4.get(buffer.readUInt32BE(sourceAt))?.get(buffer.readUInt32BE(sourceAt + 4));
    return this.#ipv6.get(buffer.toString('latin1', sourceAt, sourceAt + 32));
  }

  #put(source: Buffer, destination: Buffer, entry: Oriented<T>): void {
    if (source.length === 16) {
      const key = Buffer.concat([source, destination]).toString('latin1');
      if (!this.#ipv6.has(key)) this.#ipv6.set(key, entry);
      return;
    }
    const key = source.readUInt32BE(0);
    const inner = this.#ipv4.get(key) ?? new Map<number, Oriented<T>>();
    this.#ipv4.set(key, inner);
    const last = destination.readUInt32BE(0);
    if (!inner.has(last)) inner.set(last, entry);
  }
}

export interface Oriented<T> {
  value: T;
  /** Whether the packet's source is the pair's first address. */
  fromFirst: boolean;
}

/** 4 or 16 bytes. */
export function addressBytes(address: string): Buffer {
  try {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const text = new SocketAddress({ address, family }).address;
    return family === 'ipv4' ? Buffer.from(text.split('.').map(Number)) : ipv6Bytes(text);
  } catch (error) {
    throw captureError(`'${address}' is not an IP address`, 'The edge of a wire proof names pod addresses.', error);
  }
}

function ipv6Bytes(text: string): Buffer {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${hex16(Number(dotted[2]), Number(dotted[3]))}:${hex16(Number(dotted[4]), Number(dotted[5]))}`
    : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [
    ...left,
    ...Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill('0'),
    ...right,
  ];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), index * 2));
  return bytes;
}

function hex16(high: number, low: number): string {
  return ((high << 8) | low).toString(16);
}
