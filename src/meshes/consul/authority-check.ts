import { X509Certificate } from 'node:crypto';
import pLimit from 'p-limit';
import type { KubeClient } from '../../kube/types.ts';
import type { MeshCheck } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { authorityId, trustedAuthorities, type CertsReply } from '../envoy/certificates.ts';
import type { ConsulApi } from './api.ts';
import { injectedPods } from './meshed-pod.ts';

interface Roots {
  Roots: { RootCert: string }[];
}

/** A server that lost its data and made a new authority would sign certificates that nobody here trusts. */
export function authorityCheck(options: {
  kube: KubeClient;
  api: () => Promise<ConsulApi>;
  admin: EnvoyAdmin;
  /** Only its sidecars; default: all. */
  namespace?: string | undefined;
}): MeshCheck {
  const { kube, api, admin, namespace } = options;
  return {
    id: 'certificates/authority',
    title: 'Every sidecar trusts the authority that Consul signs with',
    category: 'certificates',
    async look() {
      const { Roots: roots } = (await (await api()).get<Roots>('/v1/connect/ca/roots')) ?? { Roots: [] };
      const own = new Set(
        roots.map(({ RootCert }) => {
          const { serialNumber, subjectAltName } = new X509Certificate(RootCert);
          return authorityId(serialNumber, subjectAltName?.replace(/^URI:/, ''));
        }),
      );
      const pods = (await injectedPods(kube, namespace)).filter(({ notRunning }) => notRunning === undefined);
      const limit = pLimit(6);
      const strangers = await Promise.all(
        pods.map(({ ref }) =>
          limit(async () => {
            const trusted = trustedAuthorities(await admin.json<CertsReply>(ref, '/certs'));
            return [...trusted].some((id) => own.has(id)) ? [] : [ref];
          }),
        ),
      );
      return {
        problems: strangers
          .flat()
          .map(({ namespace, name }) => `${namespace}/${name} does not trust the authority that Consul signs with now`),
        fine: `${pods.length} sidecars`,
        hint: 'The server lost its data: run anything on this lab again, which registers its pods anew.',
      };
    },
  };
}
