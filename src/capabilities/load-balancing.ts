import { defineGroup } from './define-capability.ts';

export const loadBalancing = defineGroup('load-balancing', {
  'round-robin': 'Round robin',
  'least-request': 'Least request',
  random: 'Random',
  'consistent-hash': 'Consistent hash',
  locality: 'By locality or zone',
  'grpc-per-request': 'Per request for gRPC, not per connection',
});
