export interface LeafCertificate {
  identity: string;
  /** Epoch milliseconds. */
  notBefore: number;
  notAfter: number;
}

interface CertificateOf {
  /** Hexadecimal. */
  serial_number?: string;
  subject_alt_names?: { uri?: string; dns?: string }[];
  valid_from: string;
  expiration_time: string;
}

/** The part of Envoy's `/certs` that is used. */
export interface CertsReply {
  certificates: { ca_cert?: CertificateOf[]; cert_chain?: CertificateOf[] }[];
}

/** Leaf certificates of `/certs`, each once: a proxy holds the same one for its listener and every cluster. */
export function leafCertificates(reply: CertsReply): LeafCertificate[] {
  const found = new Map<string, LeafCertificate>();
  for (const { cert_chain: chain = [] } of reply.certificates) {
    for (const certificate of chain) {
      const name = certificate.subject_alt_names?.[0];
      const identity = name?.uri ?? name?.dns ?? '';
      const notBefore = Date.parse(certificate.valid_from);
      const notAfter = Date.parse(certificate.expiration_time);
      found.set(`${identity} ${notBefore} ${notAfter}`, { identity, notBefore, notAfter });
    }
  }
  return [...found.values()];
}

/** The authorities a proxy trusts. */
export function trustedAuthorities(reply: CertsReply): Set<string> {
  return new Set(
    reply.certificates.flatMap(({ ca_cert: authorities = [] }) =>
      authorities.map(({ serial_number: serial = '', subject_alt_names: names = [] }) =>
        authorityId(serial, names[0]?.uri),
      ),
    ),
  );
}

/** One authority, however its serial number is written: Envoy and OpenSSL differ in case and leading zeros. */
export function authorityId(serial: string, uri: string | undefined): string {
  return `${serial.toLowerCase().replace(/^0+/, '')} ${uri ?? ''}`;
}
