import 'reflect-metadata';
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509';

/** PEM texts. */
export interface KeyPair {
  certificate: string;
  key: string;
}

export interface CertificateSpec {
  commonName: string;
  /** Kubernetes reads groups from here. */
  organization?: string;
  /** `peer`: a server that is also a client of its like. */
  usage: 'client' | 'server' | 'peer';
  dnsNames?: string[];
  ips?: string[];
}

export interface AuthorityOptions {
  /** URI names of the authority itself, e.g. the trust domain of a mesh. */
  uris?: string[] | undefined;
  /** Epoch ms; default the current time. */
  now?: number | undefined;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const crypto = webcrypto as Crypto;
/** A lab left by `up` may live long; its keys never leave its 0700 directory. */
const lifetimeMs = 365 * 24 * 3600 * 1000;
const backdateMs = 5 * 60 * 1000;

const usages = {
  client: [ExtendedKeyUsage.clientAuth],
  server: [ExtendedKeyUsage.serverAuth],
  peer: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth],
};

/** A certificate authority; `pair.key` is for who goes on signing with it. */
export class CertificateAuthority {
  readonly pair: KeyPair;
  readonly #certificate: X509Certificate;
  readonly #keys: CryptoKeyPair;
  readonly #now: () => number;

  private constructor(pair: KeyPair, certificate: X509Certificate, keys: CryptoKeyPair, now: () => number) {
    this.pair = pair;
    this.#certificate = certificate;
    this.#keys = keys;
    this.#now = now;
  }

  static async create(commonName: string, options: AuthorityOptions = {}): Promise<CertificateAuthority> {
    const now = (): number => options.now ?? Date.now();
    const keys = await newKeys();
    const uris = (options.uris ?? []).map((value) => ({ type: 'url' as const, value }));
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: serialNumber(),
        name: [{ CN: [commonName] }],
        keys,
        signingAlgorithm: signing,
        ...validity(now()),
        extensions: [
          new BasicConstraintsExtension(true, undefined, true),
          new KeyUsagesExtension(
            KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
            true,
          ),
          new SubjectKeyIdentifierExtension(await keyId(keys.publicKey)),
          ...(uris.length > 0 ? [new SubjectAlternativeNameExtension(uris)] : []),
        ],
      },
      crypto,
    );
    return new CertificateAuthority(await toPem(certificate, keys), certificate, keys, now);
  }

  /** An authority below this one, which signs leaves only. */
  async issueAuthority(commonName: string): Promise<KeyPair> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create(
      {
        serialNumber: serialNumber(),
        subject: [{ CN: [commonName] }],
        issuer: this.#certificate.subjectName,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: signing,
        ...validity(this.#now()),
        extensions: [
          new BasicConstraintsExtension(true, 0, true),
          new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
          new SubjectKeyIdentifierExtension(await keyId(keys.publicKey)),
          new AuthorityKeyIdentifierExtension(await keyId(this.#keys.publicKey)),
        ],
      },
      crypto,
    );
    return toPem(certificate, keys);
  }

  async issue(spec: CertificateSpec): Promise<KeyPair> {
    const keys = await newKeys();
    const names = [
      ...(spec.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(spec.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
    ];
    const certificate = await X509CertificateGenerator.create(
      {
        serialNumber: serialNumber(),
        subject: [{ CN: [spec.commonName] }, ...(spec.organization ? [{ O: [spec.organization] }] : [])],
        issuer: this.#certificate.subjectName,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: signing,
        ...validity(this.#now()),
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension(usages[spec.usage]),
          ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
          new AuthorityKeyIdentifierExtension(await keyId(this.#keys.publicKey)),
        ],
      },
      crypto,
    );
    return toPem(certificate, keys);
  }
}

/** The pair that signs and checks service account tokens. */
export async function newSigningKey(): Promise<{ privateKey: string; publicKey: string }> {
  const keys = await newKeys();
  return {
    privateKey: PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    publicKey: PemConverter.encode(await crypto.subtle.exportKey('spki', keys.publicKey), 'PUBLIC KEY'),
  };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function validity(now: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifetimeMs) };
}

async function toPem(certificate: X509Certificate, keys: CryptoKeyPair): Promise<KeyPair> {
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`,
  };
}

/** SHA-256 of the key. Any would do (RFC 5280, 4.2.1.2); Consul signs with this one, and a chain holds only if both are the same. */
async function keyId(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey('spki', key));
  return createHash('sha256').update(der).digest('hex');
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0]! &= 0x7f; // positive
  return bytes.toString('hex');
}
