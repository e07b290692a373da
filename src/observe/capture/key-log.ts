/** Secrets of one TLS 1.3 connection, as a key log names them. */
export interface ConnectionSecrets {
  CLIENT_HANDSHAKE_TRAFFIC_SECRET?: Buffer;
  SERVER_HANDSHAKE_TRAFFIC_SECRET?: Buffer;
  /** Also of the session tickets that the server gives out behind the handshake. */
  SERVER_TRAFFIC_SECRET_0?: Buffer;
}

/** By the random of the ClientHello, in hexadecimal. */
export type KeyLog = ReadonlyMap<string, ConnectionSecrets>;

const wanted = new Set([
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_TRAFFIC_SECRET_0',
]);

/**
 * Reads a key log (RFC 9850: `<label> <client random> <secret>`). What the client's own data is encrypted with
 * is not kept: proofs need none of it.
 */
export function parseKeyLog(text: string): Map<string, ConnectionSecrets> {
  const log = new Map<string, ConnectionSecrets>();
  for (const line of text.split('\n')) {
    const [label = '', random = '', secret = ''] = line.trim().split(' ');
    if (!wanted.has(label) || !/^[0-9a-f]{64}$/i.test(random) || !/^([0-9a-f]{2})+$/i.test(secret)) continue;
    const key = random.toLowerCase();
    log.set(key, { ...log.get(key), [label]: Buffer.from(secret, 'hex') });
  }
  return log;
}
