/** Names what a stream that is not TLS carries, by its first bytes. */
export type PlaintextProtocol = 'http/1' | 'http/2' | 'postgresql' | 'postgresql-ssl-request' | 'unknown';

/** Enough to see any of the openings below. */
export const openingLength = 24;

const http1 = /^(?:(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) |HTTP\/1\.[01] )/;
const http2Preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Special protocol numbers in the place of a version: SSLRequest and GSSENCRequest (PostgreSQL docs, 55.7 message formats). */
const sslRequest = 80_877_103;
const gssEncryptionRequest = 80_877_104;
const cancelRequest = 80_877_102;

/** A request to switch to encryption: 8 bytes in clear, answered by one byte. */
export function isPostgresEncryptionRequest(opening: Buffer): boolean {
  if (opening.length < 8 || opening.readUInt32BE(0) !== 8) return false;
  return [sslRequest, gssEncryptionRequest].includes(opening.readUInt32BE(4));
}

export function nameOpening(opening: Buffer): PlaintextProtocol {
  const text = opening.toString('latin1');
  if (http1.test(text)) return 'http/1';
  if (text.length >= 14 && http2Preface.startsWith(text)) return 'http/2';
  if (opening.length >= 8) {
    const version = opening.readUInt32BE(4);
    // Protocol 3.x start-up message, or the server's authentication request ('R', length, kind).
    if (opening.readUInt32BE(0) < 10_000 && (version >>> 16 === 3 || version === cancelRequest)) return 'postgresql';
    if (opening[0] === 0x52 && opening.readUInt32BE(1) < 1_000) return 'postgresql';
  }
  return 'unknown';
}

/** Only what no other protocol, encrypted or not, would show in the middle of a stream. */
export function isSurelyPlaintext(opening: Buffer): boolean {
  const name = nameOpening(opening);
  return name === 'http/1' || name === 'http/2';
}
