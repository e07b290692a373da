import { defineGroup } from './define-capability.ts';

const mutualTls = { claim: 'mutual-tls' } as const;

export const security = defineGroup('security', {
  'mtls-everywhere': { title: 'Mutual TLS on every edge', proof: mutualTls },
  'mtls-strict': { title: 'Strict mode: plaintext is refused', policy: 'mtls', proof: mutualTls },
  identity: { title: 'Identity of a workload (SPIFFE or DNS)', proof: mutualTls },
  'certificate-rotation': {
    title: 'Lifetime and rotation of certificates',
    open: 'health looks at what is left of each certificate’s lifetime, but no claim waits for a rotation',
  },
  'trust-domain': 'Trust domain is checked',
  'foreign-ca': 'A certificate of a foreign CA is refused',
  authorization: {
    title: 'Who may call whom (matrix)',
    policy: 'authorize',
    open: 'a lab lets only the edges of its app file through, but no claim tries the others from inside the mesh',
  },
  'authorization-by-path': 'Who may call whom, by path and method',
  jwt: 'JWT: valid, expired, wrong issuer, wrong audience, missing',
  'network-policy': {
    title: 'NetworkPolicy beside it',
    open: 'the network of a lab enforces none',
  },
  'ingress-gateway': 'Ingress gateway',
  'egress-gateway': 'Egress gateway',
  'egress-refused': 'Egress refused by default',
  'external-service': 'External service, registered',
});
