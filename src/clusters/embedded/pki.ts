import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
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
  usage: 'client' | 'server';
  dnsNames?: string[];
  ips?: string[];
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const crypto = webcrypto as Crypto;
/** A lab left by `up` may live long; its keys never leave its 0700 directory. */
const lifetimeMs = 365 * 24 * 3600 * 1000;
const backdateMs = 5 * 60 * 1000;

/** A certificate authority that lives as long as this object: its key is only exported for the controller-manager. */
export class CertificateAuthority {
  readonly pair: KeyPair;
  readonly #certificate: X509Certificate;
  readonly #keys: CryptoKeyPair;

  private constructor(pair: KeyPair, certificate: X509Certificate, keys: CryptoKeyPair) {
    this.pair = pair;
    this.#certificate = certificate;
    this.#keys = keys;
  }

  static async create(commonName: string): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        name: [{ CN: [commonName] }],
        keys,
        signingAlgorithm: signing,
        ...validity(),
        extensions: [
          new BasicConstraintsExtension(true, undefined, true),
          new KeyUsagesExtension(
            KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
            true,
          ),
        ],
      },
      crypto,
    );
    return new CertificateAuthority(await toPem(certificate, keys), certificate, keys);
  }

  async issue(spec: CertificateSpec): Promise<KeyPair> {
    const keys = await newKeys();
    const names = [
      ...(spec.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(spec.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
    ];
    const certificate = await X509CertificateGenerator.create(
      {
        subject: [{ CN: [spec.commonName] }, ...(spec.organization ? [{ O: [spec.organization] }] : [])],
        issuer: this.#certificate.subjectName,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: signing,
        ...validity(),
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([
            spec.usage === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
          ]),
          ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
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

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifetimeMs) };
}

async function toPem(certificate: X509Certificate, keys: CryptoKeyPair): Promise<KeyPair> {
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`,
  };
}
