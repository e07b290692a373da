import { createDecipheriv, createHmac, type CipherGCMTypes } from 'node:crypto';

/** RFC 8446, appendix B.4. */
const suites: Record<number, { cipher: string; hash: string; keyLength: number }> = {
  0x1301: { cipher: 'aes-128-gcm', hash: 'sha256', keyLength: 16 },
  0x1302: { cipher: 'aes-256-gcm', hash: 'sha384', keyLength: 32 },
  0x1303: { cipher: 'chacha20-poly1305', hash: 'sha256', keyLength: 32 },
};
const ivLength = 12;
const tagLength = 16;

/** What a TLS 1.3 record has in it: the content's type stands at its end. */
export interface OpenedRecord {
  type: number;
  content: Buffer;
}

/** Opens the records of one direction that one traffic secret protects, in their order (RFC 8446, 5.2 and 7.3). */
export class RecordCipher {
  readonly #cipher: string;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  #sequence = 0n;

  /** @throws RangeError for a cipher suite that is not TLS 1.3's */
  constructor(secret: Buffer, cipherSuite: number) {
    const suite = suites[cipherSuite];
    if (suite === undefined) throw new RangeError(`cipher suite 0x${cipherSuite.toString(16)} is not known`);
    this.#cipher = suite.cipher;
    this.#key = expandLabel(suite.hash, secret, 'key', suite.keyLength);
    this.#iv = expandLabel(suite.hash, secret, 'iv', ivLength);
  }

  /** @param header the five bytes before it @throws when this secret does not protect it: the tag says so */
  open(header: Buffer, body: Buffer): OpenedRecord {
    const nonce = Buffer.from(this.#iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(ivLength - 8) ^ this.#sequence, ivLength - 8);
    const decipher = createDecipheriv(this.#cipher as CipherGCMTypes, this.#key, nonce, { authTagLength: tagLength });
    decipher.setAAD(header, { plaintextLength: body.length - tagLength });
    decipher.setAuthTag(body.subarray(body.length - tagLength));
    const inner = Buffer.concat([decipher.update(body.subarray(0, body.length - tagLength)), decipher.final()]);
    this.#sequence++;
    let end = inner.length;
    while (end > 0 && inner[end - 1] === 0) end--;
    return { type: inner[end - 1] ?? 0, content: inner.subarray(0, Math.max(0, end - 1)) };
  }
}

/** HKDF-Expand-Label without a context. One block of the hash is enough for every key and IV of TLS 1.3. */
function expandLabel(hash: string, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([Buffer.from([length >> 8, length & 255, name.length]), name, Buffer.from([0, 1])]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
