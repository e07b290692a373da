export interface LeafCertificate {
  identity: string;
  /** Epoch milliseconds. */
  notBefore: number;
  notAfter: number;
}

interface CertsReply {
  certificates: {
    cert_chain?: {
      subject_alt_names?: { uri?: string; dns?: string }[];
      valid_from: string;
      expiration_time: string;
    }[];
  }[];
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
