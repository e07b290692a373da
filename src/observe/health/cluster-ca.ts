import { X509Certificate } from 'node:crypto';
import type { KubeObject } from '../../kube/types.ts';
import { judged, seconds, type Check } from './check.ts';
import { certificateProblems } from './sidecars.ts';

/** The CA bundle every pod trusts, as Kubernetes publishes it into each namespace. */
export const clusterCa: Check = {
  id: 'certificates/cluster-ca',
  title: 'The cluster’s certificate authority is valid and not about to expire',
  category: 'certificates',
  async run({ kube, clock, minCaLeftMs = 3_600_000 }) {
    const bundle = await kube.get<KubeObject & { data?: Record<string, string> }>(
      '/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt',
    );
    const pems = bundle.data?.['ca.crt']?.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
    const certificates = pems.map((pem) => {
      const certificate = new X509Certificate(pem);
      const subject = certificate.subject.replaceAll('\n', ', ');
      return {
        identity: subject,
        notBefore: Date.parse(certificate.validFrom),
        notAfter: Date.parse(certificate.validTo),
      };
    });
    const now = clock.now();
    return judged(
      certificateProblems('kube-root-ca.crt', certificates, { now, minLeftMs: minCaLeftMs }),
      certificates.map(({ identity, notAfter }) => `${identity}: ${seconds(notAfter - now)} left`).join('; '),
      'A cluster whose CA expires must be given a new one, or be made again.',
    );
  },
};
