import { CertificateAuthority } from '../../base/pki.ts';
import { serverHost, datacenter } from './names.ts';

export interface ServerTls {
  caPem: string;
  certificatePem: string;
  keyPem: string;
}

/**
 * A CA that signs one certificate, for Consul's API and xDS ports, and is then forgotten: leaf keys and tokens of the
 * sidecars travel over these connections.
 */
export async function createServerTls(now: number): Promise<ServerTls> {
  const authority = await CertificateAuthority.create('meshproof lab Consul CA', { now });
  const { certificate, key } = await authority.issue({
    commonName: `server.${datacenter}.consul`,
    usage: 'peer',
    dnsNames: [serverHost, `server.${datacenter}.consul`, 'localhost'],
    ips: ['127.0.0.1'],
  });
  return { caPem: authority.pair.certificate, certificatePem: certificate, keyPem: key };
}
