import { randomUUID } from 'node:crypto';
import { CertificateAuthority } from '../../base/pki.ts';

/** Signs the certificates of the sidecars. */
export interface MeshAuthority {
  /** A UUID; the trust domain is `<clusterId>.consul`. */
  clusterId: string;
  certificatePem: string;
  keyPem: string;
}

/** The root that Consul would make for itself (agent/connect/ca/provider_consul.go), known outside of it. */
export async function createMeshAuthority(now: number): Promise<MeshAuthority> {
  const clusterId = randomUUID();
  const { pair } = await CertificateAuthority.create('meshproof lab mesh CA', {
    uris: [`spiffe://${clusterId}.consul`],
    now,
  });
  return { clusterId, certificatePem: pair.certificate, keyPem: pair.key };
}
