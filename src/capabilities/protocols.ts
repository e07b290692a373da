import { defineGroup } from './define-capability.ts';

export const protocols = defineGroup('protocols', {
  'http-1': { title: 'HTTP/1.1', proof: { claim: 'golden-signals', protocol: 'http' } },
  'http-2': 'HTTP/2',
  https: 'HTTPS spoken by the app itself',
  'grpc-unary': 'gRPC, one answer to a call',
  'grpc-streaming': 'gRPC, streams',
  tcp: {
    title: 'TCP',
    proof: { claim: 'golden-signals', protocol: 'tcp', condition: 'where the app has a TCP service, e.g. a database' },
  },
  detection: 'Protocol detection, also where the server speaks first',
  websockets: 'WebSockets',
});
